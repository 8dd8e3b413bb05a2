import { mergeStateOf } from "../merge/merge-state.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { performOperation, treeAct, treeTarget } from "./change-trees.js";
import { commitTarget, saveLive, type CommitOptions, type CommitResult } from "./commit-target.js";
import { requireStopped } from "./container-state.js";
import { requireInProgress } from "./in-progress.js";
import { keepSaved } from "./record-operation.js";
import { openCommitTree, openLiveTree, slotOf, type Target } from "./targets.js";

/**
 * Commits a merge that waited, with both parents: what `commit` does while one is in progress.
 * @throws VarveError NOTHING_IN_PROGRESS; CONFLICT when a conflict is not finished.
 */
export async function continueMerge(
  repository: Repository,
  target: Target,
  options: Omit<CommitOptions, "message"> & { readonly message?: string | undefined },
): Promise<CommitResult> {
  const { message } = mergeStateOf(requireInProgress(repository, target, { kind: "merge", verb: "go on with the merge" }));
  return commitTarget(repository, target, { ...options, message: options.message ?? message });
}

export interface AbortResult {
  readonly branch: RefName;
  readonly commit: CommitId;
  /** Holds what stood in the tree; `undo` brings it back. */
  readonly saved: CommitId | undefined;
  readonly changes: number;
}

/** Makes the tree what it was before the merge, whatever was done to it since, which is saved first. @throws VarveError CONTAINER_RUNNING, NOTHING_IN_PROGRESS; CONFLICT. */
export async function abortMerge(
  repository: Repository,
  target: Target,
  { command }: { readonly command: string },
): Promise<AbortResult> {
  if (target.kind === "container") requireStopped(target, "give up the merge in");
  return repository.exclusively(async () => {
    const progress = requireInProgress(repository, target, { kind: "merge", verb: "give up the merge" });
    const { before, shown } = mergeStateOf(progress);
    return withTrees(repository, [before, shown], async (wanted, left) => {
      const trees = await openLiveTree(repository, target, { tracked: [wanted, left] });
      try {
        if (target.kind === "directory") target.worktree.requireApplicable(trees.live, wanted);
        const changes = (await compareTrees(trees.live, wanted)).length;
        const saved = (await saveLive(repository, trees, `before ${command}`))?.id;
        const update: TreeUpdate = { target: treeTarget(target), before: saved ?? trees.head.commit, after: before };
        const ended = [{ slot: slotOf(target), before: progress, after: undefined }];
        const draft = { command, refs: await keepSaved(repository, saved), trees: [update], progress: ended };
        await performOperation(repository, draft, [treeAct(repository, target, trees, update)]);
        return { branch: trees.head.branch, commit: before, saved, changes };
      } finally {
        trees.close();
      }
    });
  });
}

async function withTrees<T>(
  repository: Repository,
  [one, other]: readonly [CommitId, CommitId],
  work: (one: Tree, other: Tree) => Promise<T>,
): Promise<T> {
  const first = await openCommitTree(repository, one);
  try {
    const second = await openCommitTree(repository, other);
    try {
      return await work(first, second);
    } finally {
      second.close();
    }
  } finally {
    first.close();
  }
}
