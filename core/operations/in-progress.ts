import { conflictStateOf, type ConflictRecord } from "../merge/conflict-state.js";
import { openConflicts } from "../merge/open-conflicts.js";
import { VarveError } from "../errors.js";
import { treePathText } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import type { Repository } from "../ports/repository.js";
import type { Progress } from "../ports/work-in-progress.js";
import { openCommitTree, openLiveTree, slotOf, type Target } from "./targets.js";

/** What a command that was stopped for a person's sake has left in a target. */
export interface PendingWork {
  readonly kind: Progress["kind"];
  /** In byte order of path; `isResolved` is what `resolve` said, or what the tree shows. */
  readonly conflicts: readonly ConflictRecord[];
}

/** @throws VarveError IN_PROGRESS. @param verb What can't be done meanwhile, with its object: `switch to another branch`. */
export function requireNothingInProgress({ inProgress }: Repository, target: Target, verb: string): void {
  const progress = inProgress.read(slotOf(target));
  if (progress === undefined) return;
  throw new VarveError("IN_PROGRESS", `Cannot ${verb}: a ${progress.kind} is in progress, wanted one that is ended`, {
    hint: `End it first: ${waysOut(progress, wordOf(target))}`,
  });
}

/** What is in progress in a target, and which conflicts its tree shows as finished. */
export async function pendingWork(repository: Repository, target: Target): Promise<PendingWork | undefined> {
  const progress = repository.inProgress.read(slotOf(target));
  if (progress === undefined) return undefined;
  const state = conflictStateOf(progress);
  if (state === undefined) return { kind: progress.kind, conflicts: [] };
  const shown = await openCommitTree(repository, state.shown);
  try {
    const { live, close } = await openLiveTree(repository, target, { tracked: [shown] });
    try {
      const open = new Set(openConflicts(state.conflicts, live, shown).map(({ conflict }) => conflict));
      return { kind: progress.kind, conflicts: state.conflicts.map((each) => ({ ...each, isResolved: !open.has(each) })) };
    } finally {
      close();
    }
  } finally {
    shown.close();
  }
}

/** TARGET as a person types it, with the space before it. */
export function wordOf(target: Target): string {
  return target.kind === "directory" ? "" : ` ${target.record.name}`;
}

const MOST_NAMED = 10;

/**
 * @param live The target's tree. @param verb What can't be done before: `commit the merge`.
 * @throws VarveError CONFLICT when a conflict was not finished: its markers or files are still there, or nothing was changed.
 */
export async function requireResolved(
  repository: Repository,
  target: Target,
  progress: Progress,
  { live, verb }: { readonly live: Tree; readonly verb: string },
): Promise<void> {
  const state = conflictStateOf(progress);
  if (state === undefined) return;
  const shown = await openCommitTree(repository, state.shown);
  try {
    const open = openConflicts(state.conflicts, live, shown);
    const [first] = open;
    if (first === undefined) return;
    const named = open.slice(0, MOST_NAMED).map(({ at, why }) => `"${treePathText(at)}" ${why}`);
    if (open.length > MOST_NAMED) named.push(`and ${open.length - MOST_NAMED} more`);
    const word = wordOf(target);
    const conflicts = open.length === 1 ? "a conflict is" : `${open.length} conflicts are`;
    throw new VarveError("CONFLICT", `Cannot ${verb}: ${conflicts} not resolved: ${named.join(", ")}`, {
      path: treePathText(first.at),
      hint: `Edit the file, or take a side: varve resolve${word} --ours|--theirs|--base -- PATH. What is right as it is: varve resolve${word} -- PATH. To give up: varve ${progress.kind}${word} --abort`,
    });
  } finally {
    shown.close();
  }
}

/**
 * What is to be ended.
 *
 * @param verb What can't be done when it is not there: `give up the merge`.
 * @throws VarveError NOTHING_IN_PROGRESS; IN_PROGRESS when it is something else.
 */
export function requireInProgress(
  { inProgress }: Repository,
  target: Target,
  { kind, verb }: { readonly kind: Progress["kind"]; readonly verb: string },
): Progress {
  const progress = inProgress.read(slotOf(target));
  if (progress?.kind === kind) return progress;
  if (progress === undefined) {
    throw new VarveError("NOTHING_IN_PROGRESS", `Cannot ${verb}: none is in progress`, {
      hint: `\`varve status${wordOf(target)}\` tells what is. What was done already is taken back by: varve undo`,
    });
  }
  throw new VarveError("IN_PROGRESS", `Cannot ${verb}: a ${progress.kind} is in progress, not a ${kind}`, {
    hint: `Go on with it: ${waysOut(progress, wordOf(target))}`,
  });
}

/** How what is in progress is ended. @param word TARGET as a person types it, with the space before it. */
export function waysOut({ kind }: Progress, word: string): string {
  if (kind === "bisect") return "varve bisect reset";
  return `varve ${kind}${word} --continue, or give it up: varve ${kind}${word} --abort`;
}
