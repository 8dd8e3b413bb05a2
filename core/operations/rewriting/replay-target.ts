import { VarveError } from "../../errors.js";
import { commitTree } from "../../layers/commit-tree.js";
import { conflictRecord, type ConflictRecord } from "../../merge/conflict-state.js";
import { conflictedTree } from "../../merge/conflicted-tree.js";
import { mergeTrees } from "../../merge/merge-trees.js";
import type { CommitId, RefName } from "../../model/ids.js";
import { treePathText } from "../../model/paths.js";
import type { Tree } from "../../model/tree.js";
import type { Effect, TreeUpdate } from "../../ports/operation-log.js";
import type { Repository } from "../../ports/repository.js";
import type { Progress } from "../../ports/work-in-progress.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { mergeCleanly } from "../../merge/merge-cleanly.js";
import { performOperation, treeAct, treeTarget } from "../change-trees.js";
import { keepSaved } from "../record-operation.js";
import { emptyTally, replayCommits, type Replay, type ReplayTally, type StoppedStep } from "./replay-commits.js";
import { replayProgress, type ReplayState, type Uncommitted } from "./replay-state.js";
import { replaceTree } from "../replace-tree.js";
import { openCommitTree, slotOf, type LiveTree, type Target } from "../targets.js";

/** What a cherry-pick, revert or rebase goes on from, at its beginning and whenever it stopped. */
export interface ReplayTask extends Replay {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** What the commits are put on, for people. */
  readonly label: string;
  /** Where the branch stood before all of it. */
  readonly before: CommitId | undefined;
  /** A commit that holds what stands in the target. Absent: what is not committed is carried along where nothing touches it. */
  readonly standing?: CommitId | undefined;
  /** The tree to go back to, once something was done; by default what stands there. */
  readonly origin?: CommitId | undefined;
  /** Commits that no branch will come from, and that are to be kept. */
  readonly kept?: readonly CommitId[];
  /** How many steps were done before. */
  readonly done: number;
  /** Put on top at the end. */
  readonly uncommitted?: Uncommitted | undefined;
  /** Of a container's rebase: what its branch is on afterwards, see ContainerRecord.branchMadeAt. */
  readonly madeAt?: CommitId | undefined;
  /** What was in progress. */
  readonly progress: Progress | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface ReplayResult extends Readonly<ReplayTally> {
  readonly kind: "done" | "conflicts";
  readonly branch: RefName;
  readonly before: CommitId | undefined;
  readonly after: CommitId | undefined;
  /** The commit that was left out because a person said so. */
  readonly skipped?: CommitId | undefined;
  /** The commit that needs a person; `undefined` when it is what was not committed. */
  readonly stoppedAt: CommitId | undefined;
  /** How many commits come after it. */
  readonly left: number;
  readonly conflicts: readonly ConflictRecord[];
  /** Holds what was not committed, when it was put on top, or is gone. */
  readonly saved: CommitId | undefined;
}

/** Replays commits onto a target's branch, and makes its tree that of the result, all as one operation. The store's lock is held. */
export class TargetReplay {
  readonly #repository: Repository;
  readonly #target: Target;
  readonly #trees: LiveTree;
  readonly #task: ReplayTask;
  readonly #tally: ReplayTally = emptyTally();
  readonly #opened: Tree[] = [];

  /** @param trees As they are now, open until all is done. */
  constructor(repository: Repository, target: Target, trees: LiveTree, task: ReplayTask) {
    this.#repository = repository;
    this.#target = target;
    this.#trees = trees;
    this.#task = task;
  }

  async run(): Promise<ReplayResult> {
    try {
      const { current, stopped } = await replayCommits(this.#repository, this.#task, this.#tally, this.#opened);
      if (stopped !== undefined) return await this.#stop(current, stopped);
      return this.#task.uncommitted === undefined
        ? await this.#finish(current)
        : await this.#putOnTop(current, this.#task.uncommitted);
    } finally {
      for (const tree of this.#opened) tree.close();
    }
  }

  #result(after: CommitId | undefined, more: Partial<ReplayResult> = {}): ReplayResult {
    const { branch } = this.#trees.head;
    const none = { stoppedAt: undefined, left: 0, conflicts: [], saved: this.#task.uncommitted?.saved };
    return { kind: "done", ...this.#tally, branch, before: this.#task.before, after, ...none, ...more };
  }

  async #open(commit: CommitId | undefined): Promise<Tree> {
    const tree = await openCommitTree(this.#repository, commit);
    this.#opened.push(tree);
    return tree;
  }

  /** All is committed, or kept, or stands where nothing was touched. */
  async #finish(current: CommitId | undefined): Promise<ReplayResult> {
    const { standing, dryRun, command } = this.#task;
    const carried = standing === undefined ? await this.#carried(await this.#open(current)) : undefined;
    if (dryRun === true || this.#isDone(current)) return this.#result(current);
    const effect = await this.#effect(current, undefined);
    if (carried !== undefined) await replaceTree(this.#repository, this.#target, this.#trees, carried, { command, ...effect });
    else await this.#perform({ before: standing ?? this.#trees.head.commit, after: current }, effect);
    return this.#result(current);
  }

  /** The tree to come, with what is not committed; absent when all is. @throws VarveError CONFLICT. */
  async #carried(wanted: Tree): Promise<Tree | undefined> {
    const { live, committed } = this.#trees;
    if ((await compareTrees(committed, live)).length === 0) return undefined;
    const { tree, conflicts } = await mergeCleanly({ base: committed, theirs: wanted, ours: live });
    if (tree !== undefined) return tree;
    throw inTheWay(this.#task.kind, `it would change what is not committed: ${named(conflicts)}`, conflicts[0]);
  }

  /** What was not committed is merged into the tree, and stays uncommitted. */
  async #putOnTop(current: CommitId | undefined, { base, saved }: Uncommitted): Promise<ReplayResult> {
    const trees = { base: await this.#open(base), ours: await this.#open(current), theirs: await this.#open(saved) };
    const labels = { ours: this.#task.label, theirs: "not committed" };
    const merged = await mergeTrees(trees.base, trees.ours, trees.theirs, { labels, favor: this.#task.favor });
    this.#tally.notes.push(...merged.notes);
    if (merged.conflicts.length > 0) {
      const sides = { bases: [base], ours: current, theirs: saved };
      return this.#wait(current, { sides, trees, merged }, undefined, []);
    }
    if (this.#task.dryRun === true) return this.#result(current);
    if (this.#target.kind === "directory") this.#target.worktree.requireApplicable(this.#trees.live, merged.tree);
    const shown = await this.#write(current, trees.ours, merged.tree);
    const effect = await this.#effect(current, undefined, shown);
    await this.#perform({ before: this.#standing, after: shown ?? current }, effect);
    return this.#result(current);
  }

  /** A commit that no branch names. @returns `undefined` for the parent's own tree. */
  async #write(parent: CommitId | undefined, base: Tree, tree: Tree): Promise<CommitId | undefined> {
    const message = `saved: after ${this.#task.command}`;
    return (await commitTree(this.#repository, { parent, base, target: async () => tree, message }))?.id;
  }

  /** Nothing was changed, so that there is nothing to log. */
  #isDone(current: CommitId | undefined): boolean {
    const { progress, standing = current } = this.#task;
    return progress === undefined && current === this.#trees.head.commit && current === standing;
  }

  get #standing(): CommitId | undefined {
    return this.#task.standing ?? this.#trees.head.commit;
  }

  /** @param made A commit that no branch names, and that is to be kept. */
  async #effect(after: CommitId | undefined, progress: Progress | undefined, made?: CommitId): Promise<Omit<Effect, "trees">> {
    const { branch, commit } = this.#trees.head;
    const { progress: before, kept = [] } = this.#task;
    // By themselves, and first: when this process is killed, the branch has moved and the log tells of it, or neither.
    for (const id of new Set([...kept, ...(made === undefined ? [] : [made])]))
      await this.#repository.history.updateRefs(await keepSaved(this.#repository, id));
    const refs = [{ name: branch, before: commit, after }];
    const update = [{ slot: slotOf(this.#target), before, after: progress }];
    const standings = progress === undefined ? standingOf(this.#target, this.#task.madeAt) : undefined;
    return { refs, ...(standings && { standings }), ...((before ?? progress) && { progress: update }) };
  }

  async #perform(update: Pick<TreeUpdate, "before" | "after">, effect: Omit<Effect, "trees">): Promise<void> {
    const draft = { command: this.#task.command, ...effect, trees: [{ target: treeTarget(this.#target), ...update }] };
    await performOperation(this.#repository, draft, [treeAct(this.#repository, this.#target, this.#trees, update)]);
  }

  async #stop(current: CommitId | undefined, stopped: StoppedStep): Promise<ReplayResult> {
    const { kind, standing } = this.#task;
    if (standing === undefined) {
      const [change] = await compareTrees(this.#trees.committed, this.#trees.live);
      const path = change && treePathText(change.path);
      if (path !== undefined) throw inTheWay(kind, `it has to be finished by hand, and "${path}" is not committed`, path);
    }
    const { step, message, config, todo } = stopped;
    return this.#wait(current, stopped, { ...step, message, config }, todo);
  }

  /** Puts the merged tree, with its conflicts, before the person. */
  async #wait(
    current: CommitId | undefined,
    { sides, trees, merged }: Pick<StoppedStep, "sides" | "trees" | "merged">,
    waiting: ReplayState["waiting"],
    todo: ReplayState["todo"],
  ): Promise<ReplayResult> {
    const { tree, conflicts: shownConflicts } = conflictedTree(merged, trees);
    const conflicts = shownConflicts.map(conflictRecord);
    const result = this.#result(current, { kind: "conflicts", stoppedAt: waiting?.commit, left: todo.length, conflicts });
    const { before, done, uncommitted, favor, noted = false, label, madeAt, kind, dryRun } = this.#task;
    if (dryRun === true) return result;
    if (this.#target.kind === "directory") this.#target.worktree.requireApplicable(this.#trees.live, tree);
    const made = await this.#write(current, trees.ours, tree);
    const theirs = sides.theirs ?? (await this.#emptyCommit());
    const state: ReplayState = {
      ...{ before, current, waiting, todo, uncommitted, favor, noted, label, madeAt },
      origin: this.#task.origin ?? this.#standing,
      done: done + this.#tally.replayed.length + this.#tally.dropped.length,
      conflicts: { sides: { ...sides, theirs }, shown: made ?? current ?? theirs, conflicts },
    };
    const effect = await this.#effect(current, replayProgress(kind, state), made);
    await this.#perform({ before: this.#standing, after: made ?? current }, effect);
    return result;
  }

  /** Stands for what was before the first commit. Its tree is opened twice: one that is compared with itself is not walked, and so has no digest. */
  async #emptyCommit(): Promise<CommitId> {
    const commit = await commitTree(this.#repository, {
      parent: undefined,
      base: await this.#open(undefined),
      target: () => this.#open(undefined),
      message: "saved: nothing",
    });
    return commit!.id;
  }
}

/** A branch that was made for a container still is, on another commit. */
export function standingOf(target: Target, madeAt: CommitId | undefined): Effect["standings"] {
  if (target.kind !== "container" || madeAt === undefined || target.record.branchMadeAt === undefined) return undefined;
  const { id: container, branch, branchMadeAt } = target.record;
  return [{ container, before: { branch, branchMadeAt }, after: { branch, branchMadeAt: madeAt } }];
}

const MOST_NAMED = 5;

function named(paths: readonly string[]): string {
  const shown = paths.slice(0, MOST_NAMED).map((path) => `"${path}"`);
  return [...shown, ...(paths.length > MOST_NAMED ? [`${paths.length - MOST_NAMED} more`] : [])].join(", ");
}

function inTheWay(kind: string, why: string, path: string | undefined): VarveError {
  return new VarveError("CONFLICT", `Cannot ${kind}: ${why}`, {
    path,
    hint: "Record it first with `varve commit`, or put it aside: varve stash, and afterwards varve stash pop.",
  });
}
