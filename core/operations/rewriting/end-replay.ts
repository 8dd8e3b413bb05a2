import { VarveError } from "../../errors.js";
import { isAncestor } from "../../history/merge-base.js";
import { commitTree } from "../../layers/commit-tree.js";
import type { CommitId, RefName } from "../../model/ids.js";
import type { TreeUpdate } from "../../ports/operation-log.js";
import type { Repository } from "../../ports/repository.js";
import type { Progress } from "../../ports/work-in-progress.js";
import { shortName } from "../../revision/ref-names.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { performOperation, treeAct, treeTarget } from "../change-trees.js";
import { saveLive } from "../commit-target.js";
import { requireStopped } from "../container-state.js";
import { requireInProgress, requireResolved } from "../in-progress.js";
import { keepSaved, recordOperation } from "../record-operation.js";
import { emptyTally } from "./replay-commits.js";
import { replayStateOf, type ReplayKind, type ReplayState, type WaitingStep } from "./replay-state.js";
import { standingOf, TargetReplay, type ReplayResult } from "./replay-target.js";
import { openCommitTree, openLiveTree, slotOf, type LiveTree, type Target } from "../targets.js";

export interface GoOnOptions {
  readonly kind: ReplayKind;
  /** Leaves out the commit that waits, and what was done about it. */
  readonly skip?: boolean | undefined;
  /** Of the commit that waits; by default its own. */
  readonly message?: string | undefined;
  /** What the person typed, for the operation log. */
  readonly command: string;
}

/**
 * Commits what stands in the tree for the commit that waited, or leaves that out, and goes on.
 *
 * @throws VarveError NOTHING_IN_PROGRESS; CONFLICT when a conflict is not finished, or the branch was put elsewhere; CONTAINER_RUNNING.
 */
export async function goOn(repository: Repository, target: Target, options: GoOnOptions): Promise<ReplayResult> {
  const { kind, skip = false } = options;
  const verb = `go on with the ${kind}`;
  if (target.kind === "container") requireStopped(target, `${verb} in`);
  return withWaiting(repository, target, { kind, verb }, async (progress, state, trees) => {
    if (!skip) await requireResolved(repository, target, progress, { live: trees.live, verb });
    const current = await currentOf(repository, trees, state, kind);
    const waiting: Waiting = { repository, target, trees, progress, state, current };
    if (skip) return skipWaiting(waiting, options);
    return state.waiting === undefined ? endUncommitted(waiting, options) : commitWaiting(waiting, state.waiting, options);
  });
}

interface Waiting {
  readonly repository: Repository;
  readonly target: Target;
  readonly trees: LiveTree;
  readonly progress: Progress;
  readonly state: ReplayState;
  /** Where the branch stands. */
  readonly current: CommitId | undefined;
}

function taskOf({ state, progress }: Waiting, { kind, command }: GoOnOptions) {
  const { before, origin, todo: steps, done, uncommitted, favor, noted, label, madeAt } = state;
  return { kind, command, before, origin, steps, done: done + 1, uncommitted, favor, noted, label, madeAt, progress };
}

async function skipWaiting(waiting: Waiting, options: GoOnOptions): Promise<ReplayResult> {
  const { repository, target, trees, state, current } = waiting;
  const saved = (await saveLive(repository, trees, `before ${options.command}`))?.id;
  const task = {
    ...taskOf(waiting, options),
    onto: current,
    standing: saved ?? current,
    kept: saved === undefined ? [] : [saved],
  };
  // What was not committed is what is skipped.
  const uncommitted = state.waiting === undefined ? undefined : task.uncommitted;
  const result = await new TargetReplay(repository, target, trees, { ...task, uncommitted }).run();
  if (state.waiting === undefined) return { ...result, saved: state.uncommitted?.saved };
  return { ...result, skipped: state.waiting.commit };
}

/** What was not committed stays so, as the person has made it. */
async function endUncommitted(
  { repository, target, trees, progress, state }: Waiting,
  { command }: GoOnOptions,
): Promise<ReplayResult> {
  const ended = [{ slot: slotOf(target), before: progress, after: undefined }];
  const standings = standingOf(target, state.madeAt);
  await recordOperation(repository, { command, refs: [], trees: [], ...(standings && { standings }), progress: ended });
  const { branch, commit } = trees.head;
  const none = { ...emptyTally(), conflicts: [], stoppedAt: undefined, left: 0 };
  return { kind: "done", branch, before: state.before, after: commit, saved: state.uncommitted?.saved, ...none };
}

async function commitWaiting(waiting: Waiting, step: WaitingStep, options: GoOnOptions): Promise<ReplayResult> {
  const { repository, target, trees, state, current } = waiting;
  const committed = (await writeWaiting(waiting, step, options)) ?? (current === state.current ? undefined : current);
  const onto = committed ?? current;
  const task = { ...taskOf(waiting, options), onto, standing: onto };
  const result = await new TargetReplay(repository, target, trees, task).run();
  if (committed === undefined) return { ...result, dropped: [step.commit, ...result.dropped] };
  return { ...result, replayed: [{ from: step.commit, to: committed }, ...result.replayed] };
}

/** @returns `undefined` when the tree is that of the branch: nothing is left of the step, or it was committed by hand. */
async function writeWaiting(
  { repository, trees, current }: Waiting,
  { commit: id, message, config }: WaitingStep,
  options: GoOnOptions,
): Promise<CommitId | undefined> {
  const { author, origin } = await repository.history.readCommit(id);
  const commit = await commitTree(repository, {
    parent: current,
    base: trees.committed,
    target: async () => trees.live,
    message: options.message ?? message,
    config,
    ...(options.kind !== "revert" && { author, origin }),
  });
  return commit?.id;
}

/** @throws VarveError CONFLICT when the branch does not come from what was made so far. */
async function currentOf(
  { history }: Repository,
  { head: { branch, commit } }: LiveTree,
  { current }: ReplayState,
  kind: ReplayKind,
): Promise<CommitId | undefined> {
  if (commit === current || (commit !== undefined && current !== undefined && (await isAncestor(history, current, commit))))
    return commit;
  throw new VarveError("CONFLICT", `Cannot go on with the ${kind}: branch "${shortName(branch)}" was put elsewhere meanwhile`, {
    hint: `Take that back with \`varve undo\`, or give the ${kind} up: varve ${kind} --abort`,
  });
}

export interface AbortedReplay {
  readonly branch: RefName;
  /** Where it stands again. */
  readonly commit: CommitId | undefined;
  /** Holds what stood in the tree; `undo` brings it back. */
  readonly saved: CommitId | undefined;
  /** Paths that changed. */
  readonly changes: number;
}

/**
 * Makes branch and tree what they were before, what was not committed too. What stands in the tree is saved first.
 * @throws VarveError NOTHING_IN_PROGRESS, CONTAINER_RUNNING.
 */
export async function abortReplay(
  repository: Repository,
  target: Target,
  { kind, command }: Pick<GoOnOptions, "kind" | "command">,
): Promise<AbortedReplay> {
  const verb = `give up the ${kind}`;
  if (target.kind === "container") requireStopped(target, `${verb} in`);
  return withWaiting(repository, target, { kind, verb }, async (progress, { before, origin }, trees) => {
    const wanted = await openCommitTree(repository, origin);
    try {
      if (target.kind === "directory") target.worktree.requireApplicable(trees.live, wanted);
      const changes = (await compareTrees(trees.live, wanted)).length;
      const { branch, commit } = trees.head;
      const saved = (await saveLive(repository, trees, `before ${command}`))?.id;
      await repository.history.updateRefs(await keepSaved(repository, saved));
      const refs = [{ name: branch, before: commit, after: before }];
      const update: TreeUpdate = { target: treeTarget(target), before: saved ?? commit, after: origin };
      const ended = [{ slot: slotOf(target), before: progress, after: undefined }];
      await performOperation(repository, { command, refs, trees: [update], progress: ended }, [
        treeAct(repository, target, trees, update),
      ]);
      return { branch, commit: before, saved, changes };
    } finally {
      wanted.close();
    }
  });
}

async function withWaiting<T>(
  repository: Repository,
  target: Target,
  { kind, verb }: { readonly kind: ReplayKind; readonly verb: string },
  work: (progress: Progress, state: ReplayState, trees: LiveTree) => Promise<T>,
): Promise<T> {
  return repository.exclusively(async () => {
    const progress = requireInProgress(repository, target, { kind, verb });
    const state = replayStateOf(progress);
    const shown = await openCommitTree(repository, state.conflicts.shown);
    try {
      const trees = await openLiveTree(repository, target, { tracked: [shown] });
      try {
        return await work(progress, state, trees);
      } finally {
        trees.close();
      }
    } finally {
      shown.close();
    }
  });
}
