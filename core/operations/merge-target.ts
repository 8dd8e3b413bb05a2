import { VarveError } from "../errors.js";
import { commitTree } from "../layers/commit-tree.js";
import type { MergeNote } from "../merge/conflict.js";
import { conflictRecord, type ConflictRecord } from "../merge/conflict-state.js";
import { conflictedTree } from "../merge/conflicted-tree.js";
import { mergeProgress, type MergeState } from "../merge/merge-state.js";
import type { Change } from "../model/change.js";
import type { CommitId, RefName } from "../model/ids.js";
import { treePathText } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import type { Effect, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { BRANCHES, TAGS } from "../revision/ref-names.js";
import { compareTrees } from "../trees/compare-trees.js";
import { mergeCleanly } from "../merge/merge-cleanly.js";
import { saveLive } from "./commit-target.js";
import { performOperation, treeAct, treeTarget } from "./change-trees.js";
import { requireStopped } from "./container-state.js";
import { requireNothingInProgress } from "./in-progress.js";
import { planMerge, type MergePlan, type MergePolicy } from "./plan-merge.js";
import { keepSaved } from "./record-operation.js";
import { replaceTree } from "./replace-tree.js";
import { changesTo } from "./rollback-target.js";
import { openCommitTree, openLiveTreeBefore, slotOf, type LiveTree, type Target } from "./targets.js";

export interface MergeOptions extends MergePolicy {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** By default git's: `Merge branch 'x' into main`. */
  readonly message?: string | undefined;
  /** The merged tree is put before the person, who commits it. */
  readonly noCommit?: boolean | undefined;
  /** What they changed becomes something that is not committed, and leads nowhere. */
  readonly squash?: boolean | undefined;
  /** Only tells what would change. */
  readonly dryRun?: boolean | undefined;
}

export interface MergeResult {
  readonly kind: "up-to-date" | "fast-forward" | "merged" | "conflicts" | "not-committed";
  readonly branch: RefName;
  readonly before: CommitId | undefined;
  readonly theirs: CommitId;
  /** Where the branch stands now; absent where it has none yet. */
  readonly after: CommitId | undefined;
  readonly conflicts: readonly ConflictRecord[];
  readonly notes: readonly MergeNote[];
  /** Parts of the OCI config that both sides changed: they are as in ours. */
  readonly configConflicts: readonly string[];
  /** From the tree as it was to the tree as it is to be. After a merge nodes are of what stood there before. */
  readonly changes: readonly Change[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

/**
 * Merges a commit into a target's branch and tree. Where the sides disagree, what can be merged is put before the person, with the conflicts in it, and
 * the merge waits for `continueMerge`. What is not committed is carried along when the merge does not touch it and has no conflicts.
 *
 * @throws VarveError CONTAINER_RUNNING, IN_PROGRESS, UNRELATED_HISTORIES; CONFLICT when what is not committed is in the way.
 */
export async function mergeTarget(
  repository: Repository,
  target: Target,
  theirs: CommitId,
  options: MergeOptions,
): Promise<MergeResult> {
  if (target.kind === "container") requireStopped(target, "merge into");
  return repository.exclusively(async () => {
    requireNothingInProgress(repository, target, "merge");
    const opened: Tree[] = [];
    const close = (): void => opened.forEach((tree) => tree.close());
    try {
      const trees = await openLiveTreeBefore(repository, target, theirs);
      opened.push(unwatched(trees));
      const plan = await planMerge(repository, trees.head.commit, theirs, options, opened);
      return { ...(await new TargetMerge(repository, target, trees, theirs, options).carryOut(plan, opened)), close };
    } catch (error) {
      close();
      throw error;
    }
  });
}

/** All of its trees are closed with it. */
function unwatched(trees: LiveTree): Tree {
  return { root: trees.live.root, close: () => trees.close() };
}

type Outcome = Omit<MergeResult, "close">;

class TargetMerge {
  readonly #repository: Repository;
  readonly #target: Target;
  readonly #trees: LiveTree;
  readonly #theirs: CommitId;
  readonly #options: MergeOptions;
  readonly #result: Outcome;

  constructor(repository: Repository, target: Target, trees: LiveTree, theirs: CommitId, options: MergeOptions) {
    this.#repository = repository;
    this.#target = target;
    this.#trees = trees;
    this.#theirs = theirs;
    this.#options = options;
    const { branch, commit } = trees.head;
    const none = { conflicts: [], notes: [], configConflicts: [], changes: [] };
    this.#result = { kind: "up-to-date", branch, before: commit, after: commit, theirs, ...none };
  }

  async carryOut(plan: MergePlan, opened: Tree[]): Promise<Outcome> {
    if (plan.kind === "up-to-date") return this.#result;
    if (plan.kind === "fast-forward") {
      const wanted = await openCommitTree(this.#repository, this.#theirs);
      opened.push(wanted);
      return this.#fastForward(wanted);
    }
    const { notes } = plan.merged;
    const told = { ...this.#result, notes, configConflicts: plan.configConflicts };
    if (plan.merged.conflicts.length > 0 || this.#options.noCommit === true) return this.#stop(plan, told);
    if (this.#options.squash === true) return this.#squash(plan.merged.tree, told);
    return this.#merge(plan, told);
  }

  async #fastForward(wanted: Tree): Promise<Outcome> {
    if (this.#options.squash === true) return this.#squash(wanted, this.#result);
    const { carried, changes } = await this.#carried(wanted);
    const result = { ...this.#result, kind: "fast-forward", after: this.#theirs, changes } as const;
    if (this.#options.dryRun !== true) await this.#moveTo(this.#theirs, carried);
    return result;
  }

  async #merge(plan: MergePlan & { kind: "merge" }, told: Outcome): Promise<Outcome> {
    const { carried, changes } = await this.#carried(plan.merged.tree);
    const result = { ...told, kind: "merged", changes } as const;
    if (this.#options.dryRun === true) return result;
    const commit = await commitTree(this.#repository, {
      parent: this.#trees.head.commit,
      base: this.#trees.committed,
      target: async () => plan.merged.tree,
      otherParents: [this.#theirs],
      message: await this.#message(),
      config: plan.config,
      allowEmpty: true,
    });
    await this.#moveTo(commit!.id, carried);
    return { ...result, after: commit!.id };
  }

  /** Moves the branch and makes the tree that of its commit, with what was not committed. */
  async #moveTo(commit: CommitId, carried: Tree | undefined): Promise<void> {
    const { branch, commit: before } = this.#trees.head;
    const { command } = this.#options;
    const refs = [{ name: branch, before, after: commit }];
    if (carried !== undefined) {
      await replaceTree(this.#repository, this.#target, this.#trees, carried, { command, refs });
      return;
    }
    await this.#perform({ before, after: commit }, { refs });
  }

  async #perform(update: Pick<TreeUpdate, "before" | "after">, effect: Omit<Effect, "trees">): Promise<void> {
    const { command } = this.#options;
    const draft = { command, ...effect, trees: [{ target: treeTarget(this.#target), ...update }] };
    await performOperation(this.#repository, draft, [treeAct(this.#repository, this.#target, this.#trees, update)]);
  }

  /** What is changed stays uncommitted, and nothing tells of a merge. */
  async #squash(wanted: Tree, told: Outcome): Promise<Outcome> {
    const { carried, changes } = await this.#carried(wanted);
    const { command, dryRun } = this.#options;
    if (dryRun !== true && changes.length > 0)
      await replaceTree(this.#repository, this.#target, this.#trees, carried ?? wanted, { command });
    return { ...told, kind: "not-committed", changes };
  }

  /** The tree to come, with what is not committed; absent when all is. @throws VarveError CONFLICT when the two touch the same. */
  async #carried(wanted: Tree): Promise<{ readonly carried: Tree | undefined; readonly changes: readonly Change[] }> {
    const { live, committed } = this.#trees;
    const isClean = (await compareTrees(committed, live)).length === 0;
    if (isClean) return { carried: undefined, changes: await changesTo(this.#target, this.#trees, wanted) };
    const { tree, conflicts } = await mergeCleanly({ base: committed, theirs: wanted, ours: live });
    if (tree === undefined) throw inTheWay(`the merge would change what is not committed: ${named(conflicts)}`, conflicts[0]);
    return { carried: tree, changes: await changesTo(this.#target, this.#trees, tree) };
  }

  /** Puts the merged tree before the person. */
  async #stop({ bases, trees, merged, config }: MergePlan & { kind: "merge" }, told: Outcome): Promise<Outcome> {
    const { live, committed, head } = this.#trees;
    const { dryRun, command, squash = false } = this.#options;
    const { tree, conflicts: shownConflicts } = conflictedTree(merged, trees);
    const conflicts = shownConflicts.map(conflictRecord);
    const differing = await compareTrees(committed, live);
    const changes = await changesTo(this.#target, this.#trees, tree);
    const result = { ...told, kind: conflicts.length > 0 ? "conflicts" : "not-committed", conflicts, changes } as const;
    if (dryRun === true) return result;
    const uncommitted = differing.find((change) => !isTimeOfDirectory(change));
    if (uncommitted !== undefined) {
      const path = treePathText(uncommitted.path);
      throw inTheWay(`it has to be finished by hand, and "${path}" is not committed`, path);
    }
    const made = await commitTree(this.#repository, {
      parent: head.commit,
      base: committed,
      target: async () => tree,
      message: `saved: after ${command}`,
    });
    const saved = differing.length === 0 ? undefined : (await saveLive(this.#repository, this.#trees, `before ${command}`))?.id;
    const [before, shown] = [saved ?? head.commit!, made?.id ?? head.commit!];
    const message = await this.#message();
    const sides = { bases, ours: head.commit, theirs: this.#theirs };
    const state: MergeState = { sides, shown, conflicts, before, message, config, squash };
    const progress = [{ slot: slotOf(this.#target), before: undefined, after: mergeProgress(state) }];
    const refs = [...(await keepSaved(this.#repository, saved)), ...(await keepSaved(this.#repository, made?.id))];
    await this.#perform({ before, after: shown }, { refs, progress });
    return result;
  }

  async #message(): Promise<string> {
    if (this.#options.message !== undefined) return this.#options.message;
    const what = await describeRevision(this.#repository, this.#options.theirsLabel);
    return `Merge ${what} into ${this.#result.branch.replace(BRANCHES, "")}`;
  }
}

/** It tells of names that came and went meanwhile, and is nobody's work. */
function isTimeOfDirectory({ status, reasons, after }: Change): boolean {
  return status === "M" && after?.entry.type === "directory" && reasons.every((reason) => reason === "mtime");
}

/** As git's messages name it. */
export async function describeRevision({ history }: Repository, word: string): Promise<string> {
  for (const [prefix, kind] of [
    [BRANCHES, "branch"],
    [TAGS, "tag"],
  ] as const) {
    if ((await history.readRef(`${prefix}${word}` as RefName)) !== undefined) return `${kind} '${word}'`;
  }
  return `commit '${word}'`;
}

const MOST_NAMED = 5;

function named(paths: readonly string[]): string {
  const shown = paths.slice(0, MOST_NAMED).map((path) => `"${path}"`);
  return [...shown, ...(paths.length > MOST_NAMED ? [`${paths.length - MOST_NAMED} more`] : [])].join(", ");
}

function inTheWay(why: string, path: string | undefined): VarveError {
  return new VarveError("CONFLICT", `Cannot merge: ${why}`, {
    path,
    hint: "Record it first with `varve commit`, or put it aside: varve stash, and after the merge varve stash pop.",
  });
}
