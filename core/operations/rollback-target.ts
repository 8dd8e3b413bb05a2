import type { CommitId, RefName } from "../model/ids.js";
import type { Operation, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { requireStopped } from "./container-state.js";
import { saveLive } from "./commit-target.js";
import { unheard } from "../yield-to-signals.js";
import { compareTrees } from "../trees/compare-trees.js";
import { layerChain } from "../layers/layer-chain.js";
import { keepSaved, moveRefs, recordOperation, takenBack } from "./record-operation.js";
import { openCommitTree, openLiveTreeBefore, type LiveTree, type Target } from "./targets.js";

export interface RollbackResult {
  readonly branch: RefName;
  readonly before: CommitId | undefined;
  readonly after: CommitId;
  /** Holds what was not committed and is gone from the tree now; `undo` brings it back. */
  readonly saved: CommitId | undefined;
  /** Paths that differ between the tree as it was and as it is. */
  readonly changes: number;
}

/**
 * Makes a target's tree exactly a commit's and moves its branch there. What was not committed is saved first.
 *
 * The operation is logged before the tree changes: stopped half-way, a repeated rollback completes it and `undo` takes it back.
 * @throws VarveError CONTAINER_RUNNING.
 */
export async function rollbackTarget(
  repository: Repository,
  target: Target,
  commit: CommitId,
  { command }: { readonly command: string },
): Promise<RollbackResult> {
  if (target.kind === "container") requireStopped(target, "roll back");
  return repository.exclusively(async () => {
    const trees = await openLiveTreeBefore(repository, target, commit);
    try {
      const { branch, commit: before } = trees.head;
      const changes = await countChanges(repository, target, trees, commit);
      const result = { branch, before, after: commit, changes };
      if (changes === 0 && before === commit) return { ...result, saved: undefined };
      const saved = (await saveLive(repository, trees, `before ${command}`))?.id;
      const refs = [{ name: branch, before, after: commit }, ...(await keepSaved(repository, saved))];
      const update: TreeUpdate = { target: treeTarget(target), before: saved ?? before, after: commit };
      const operation = await recordOperation(repository, { command, refs, trees: [update] });
      await carryOut(repository, target, trees, operation);
      return { ...result, saved };
    } finally {
      trees.close();
    }
  });
}

/** @throws VarveError CONFLICT when the target can't be made that tree. */
async function countChanges(
  repository: Repository,
  target: Target,
  { live }: LiveTree,
  commit: CommitId | undefined,
): Promise<number> {
  const wanted = await openCommitTree(repository, commit);
  try {
    if (target.kind === "directory") target.worktree.requireApplicable(live, wanted);
    return (await compareTrees(live, wanted)).length;
  } finally {
    wanted.close();
  }
}

export function treeTarget(target: Target): TreeUpdate["target"] {
  return target.kind === "directory" ? { kind: "directory" } : { kind: "container", id: target.record.id };
}

/**
 * Makes a target's tree what an operation that was recorded just now says. When that fails it is taken back as far as possible, tree, refs and
 * record, so that a failure leaves what was; where even that fails, `undo` is left to do it.
 */
export async function carryOut(repository: Repository, target: Target, trees: LiveTree, operation: Operation): Promise<void> {
  const [update] = operation.trees;
  try {
    await becomeTree(repository, target, trees, update?.after);
  } catch (error) {
    await quietly(() => takeBack(repository, target, operation, update?.before));
    throw error;
  }
}

/** Takes back what failed, which is what is to be reported; a signal does not end that, be it what made it fail. */
export async function quietly(takeBack: () => Promise<void>): Promise<void> {
  await unheard(takeBack).catch(() => undefined);
}

/** @param before What the tree was. */
async function takeBack(
  repository: Repository,
  target: Target,
  operation: Operation,
  before: CommitId | undefined,
): Promise<void> {
  await takeBackTree(repository, target, before);
  const back = takenBack(operation);
  await moveRefs(repository, back);
  await repository.operations.append({ ...back, command: `failed: ${operation.command}`, trees: [], undoes: operation.id });
}

/** After `becomeTree` has failed. @param before What the tree was. */
export async function takeBackTree(repository: Repository, target: Target, before: CommitId | undefined): Promise<void> {
  // A container's tree is changed in one step.
  if (target.kind === "container") return;
  const trees = await openLiveTreeBefore(repository, target, before);
  try {
    await becomeTree(repository, target, trees, before);
  } finally {
    trees.close();
  }
}

/** Makes the target's tree that of a commit; `undefined`: empty. Its branch is left alone. */
export async function becomeTree(
  repository: Repository,
  target: Target,
  { live }: LiveTree,
  commit: CommitId | undefined,
): Promise<void> {
  if (target.kind === "container") {
    if (commit !== undefined) repository.containers.rebase(target.record, commit, await layerChain(repository.history, commit));
    return;
  }
  const wanted = await openCommitTree(repository, commit);
  try {
    await target.worktree.apply(live, wanted);
    if (commit === undefined) return;
    target.worktree.remember(wanted, (await repository.history.readCommit(commit)).tree);
  } finally {
    wanted.close();
  }
}
