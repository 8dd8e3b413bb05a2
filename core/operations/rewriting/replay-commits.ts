import { VarveError } from "../../errors.js";
import { commitTree } from "../../layers/commit-tree.js";
import type { MergeNote } from "../../merge/conflict.js";
import { mergeConfig } from "../../merge/merge-config.js";
import { mergeTrees, type MergedTree } from "../../merge/merge-trees.js";
import type { MergedTrees } from "../../merge/triple.js";
import type { Commit, ImageConfig } from "../../model/commit.js";
import type { CommitId } from "../../model/ids.js";
import type { Tree } from "../../model/tree.js";
import type { Repository } from "../../ports/repository.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import type { ReplayKind, ReplayStep } from "./replay-state.js";
import { openCommitTree } from "../targets.js";

export interface Replay {
  readonly kind: ReplayKind;
  /** What the changes are made on; `undefined`: nothing yet. */
  readonly onto: CommitId | undefined;
  readonly steps: readonly ReplayStep[];
  /** Whose version is taken of what both sides changed. */
  readonly favor?: "ours" | "theirs" | undefined;
  /** Whether messages tell which commit was picked, as `git cherry-pick -x` does. */
  readonly noted?: boolean | undefined;
}

/** A commit that became another one. */
export interface ReplayedCommit {
  readonly from: CommitId;
  readonly to: CommitId;
}

export interface ReplayTally {
  readonly replayed: ReplayedCommit[];
  /** Commits that changed nothing here. */
  readonly dropped: CommitId[];
  readonly notes: MergeNote[];
  /** Parts of the OCI config that both sides changed, with the commit: they are as they were here. */
  readonly configConflicts: { readonly commit: CommitId; readonly part: string }[];
}

/** A step that needs a person. */
export interface StoppedStep {
  readonly step: ReplayStep;
  /** Those that come after it. */
  readonly todo: readonly ReplayStep[];
  readonly sides: {
    readonly bases: readonly CommitId[];
    readonly ours: CommitId | undefined;
    readonly theirs: CommitId | undefined;
  };
  readonly trees: MergedTrees;
  readonly merged: MergedTree;
  readonly message: string;
  readonly config: ImageConfig | undefined;
}

export interface ReplayOutcome {
  /** What is made so far. */
  readonly current: CommitId | undefined;
  readonly stopped: StoppedStep | undefined;
}

export function emptyTally(): ReplayTally {
  return { replayed: [], dropped: [], notes: [], configConflicts: [] };
}

/**
 * Makes the changes of commits once more, one after another, by three-way merges of trees: what each changed against its parent is changed in what
 * there is by then. No ref and no tree moves.
 *
 * @param tally Gets what is done.
 * @param opened Gets the trees of a step that stopped: closed by the caller, whatever happens.
 * @throws VarveError USAGE for a merge of which no parent was named.
 */
export async function replayCommits(
  repository: Repository,
  replay: Replay,
  tally: ReplayTally,
  opened: Tree[],
): Promise<ReplayOutcome> {
  let current = replay.onto;
  for (const [index, step] of replay.steps.entries()) {
    if (isTurnDue()) await yieldToSignals();
    const commit = await repository.history.readCommit(step.commit);
    // It stands there already.
    if (replay.kind === "rebase" && step.parent === 1 && commit.parents.length === 1 && commit.parents[0] === current) {
      current = commit.id;
      continue;
    }
    const stepTrees: Tree[] = [];
    let stopped = false;
    try {
      const merge = await mergeStep(repository, replay, { step, commit, current }, stepTrees);
      tally.notes.push(...merge.merged.notes);
      for (const part of merge.configConflicts) tally.configConflicts.push({ commit: commit.id, part });
      stopped = merge.merged.conflicts.length > 0;
      if (stopped) return { current, stopped: { ...merge, step, todo: replay.steps.slice(index + 1) } };
      const written = await writeStep(repository, replay, { commit, current }, merge);
      if (written === undefined) tally.dropped.push(commit.id);
      else tally.replayed.push({ from: commit.id, to: written });
      current = written ?? current;
    } finally {
      if (stopped) opened.push(...stepTrees);
      else for (const tree of stepTrees) tree.close();
    }
  }
  return { current, stopped: undefined };
}

interface StepMerge extends Omit<StoppedStep, "step" | "todo"> {
  readonly configConflicts: readonly string[];
}

async function mergeStep(
  repository: Repository,
  { kind, favor, noted = false }: Replay,
  { step, commit, current }: { readonly step: ReplayStep; readonly commit: Commit; readonly current: CommitId | undefined },
  opened: Tree[],
): Promise<StepMerge> {
  const parent = parentOf(commit, step, kind);
  const [from, to] = kind === "revert" ? [commit.id, parent] : [parent, commit.id];
  const open = async (id: CommitId | undefined): Promise<Tree> => {
    const tree = await openCommitTree(repository, id);
    opened.push(tree);
    return tree;
  };
  const [base, ours, theirs] = [await open(from), await open(current), await open(to)];
  const trees = {
    base: from === undefined ? emptiedTree(theirs) : base,
    ours,
    theirs: to === undefined ? emptiedTree(base) : theirs,
  };
  const subject = commit.message.split("\n", 1)[0] ?? "";
  const theirsLabel = `${kind === "revert" ? "parent of " : ""}${commit.id.slice(0, 10)} (${subject})`;
  const merged = await mergeTrees(trees.base, trees.ours, trees.theirs, { labels: { ours: "HEAD", theirs: theirsLabel }, favor });
  const { config, conflicts } = mergeConfig(
    await configOf(repository, from),
    await configOf(repository, current),
    await configOf(repository, to),
    favor,
  );
  const sides = { bases: from === undefined ? [] : [from], ours: current, theirs: to };
  return { sides, trees, merged, config, configConflicts: conflicts, message: messageOf(kind, commit, parent, noted) };
}

/** What was before a first commit: that did not make the root directory, so its mode, owner and times are no change of it. */
function emptiedTree({ root }: Tree): Tree {
  return { root: { entry: root.entry, children: () => [], child: () => undefined, digest: undefined }, close: () => undefined };
}

/** @throws VarveError USAGE. */
function parentOf(commit: Commit, { parent }: ReplayStep, kind: ReplayKind): CommitId | undefined {
  const found = commit.parents[parent - 1];
  if (found !== undefined || (parent === 1 && commit.parents.length === 0)) return found;
  throw new VarveError(
    "USAGE",
    `Cannot ${kind} ${commit.id.slice(0, 12)} against its parent ${parent}: it has ${commit.parents.length === 1 ? "one" : commit.parents.length}`,
    { hint: "Leave -m out for a commit that is no merge." },
  );
}

async function configOf({ history }: Repository, commit: CommitId | undefined): Promise<ImageConfig | undefined> {
  return commit === undefined ? undefined : (await history.readCommit(commit)).config;
}

function messageOf(kind: ReplayKind, { id, message, parents }: Commit, parent: CommitId | undefined, noted: boolean): string {
  if (kind === "revert") {
    const against = parents.length > 1 && parent !== undefined ? `, reversing\nchanges made to ${parent}` : "";
    return `Revert "${message.split("\n", 1)[0] ?? ""}"\n\nThis reverts commit ${id}${against}.`;
  }
  return kind === "cherry-pick" && noted ? `${message}\n\n(cherry picked from commit ${id})` : message;
}

/** @returns `undefined` when the step changes nothing here. */
async function writeStep(
  repository: Repository,
  { kind }: Replay,
  { commit, current }: { readonly commit: Commit; readonly current: CommitId | undefined },
  { trees, merged, message, config }: StepMerge,
): Promise<CommitId | undefined> {
  const isConfigSame = JSON.stringify(config) === JSON.stringify(await configOf(repository, current));
  if (isConfigSame && (await changesNothing(trees, merged.tree))) return undefined;
  const written = await commitTree(repository, {
    parent: current,
    base: trees.ours,
    target: async () => merged.tree,
    message,
    config,
    ...(kind !== "revert" && { author: commit.author, origin: commit.origin }),
    allowEmpty: !isConfigSame,
  });
  return written?.id;
}

/** Times alone are no change, unless they are all that the commit itself changed. */
async function changesNothing({ base, ours, theirs }: MergedTrees, merged: Tree): Promise<boolean> {
  const isOfTimes = async (before: Tree, after: Tree): Promise<boolean> =>
    (await compareTrees(before, after)).every(
      ({ status, reasons }) => status === "M" && reasons.every((each) => each === "mtime"),
    );
  return (await isOfTimes(ours, merged)) && !((await isOfTimes(base, theirs)) && (await compareTrees(ours, merged)).length > 0);
}
