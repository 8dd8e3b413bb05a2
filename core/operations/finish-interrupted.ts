import { VarveError } from "../errors.js";
import type { Change } from "../model/change.js";
import { changeReasons } from "../model/compare-entries.js";
import { nodeAt } from "../model/paths.js";
import type { Tree, TreeNode } from "../model/tree.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Operation, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { layerChain } from "../layers/layer-chain.js";
import { finishMachine } from "./change-machine.js";
import { becomeTree } from "./change-trees.js";
import { finishIntended } from "./finish-intended.js";
import { putBack } from "./revert-effect.js";
import { findTarget, openCommitTree, openLiveTreeBefore } from "./targets.js";

export interface FinishedOperation {
  readonly operation: Operation;
  /** Why it was left half-way; absent when it is done. */
  readonly obstacle: string | undefined;
}

/**
 * Brings to its end what a process logged and was killed before it had changed all trees. A tree that somebody has worked on since is left as it is:
 * `undo`, and the same command again, save first what stands there. The store's lock is held.
 *
 * @returns `undefined` when there was nothing to do.
 * @throws VarveError INTERRUPTED, STORE_DAMAGED; then it is tried again by the next command.
 */
export async function finishInterrupted(repository: Repository): Promise<FinishedOperation | undefined> {
  const { operations } = repository;
  if (!operations.isUnsettled()) return undefined;
  const logged = await finishIntended(repository);
  const operation = await operations.interrupted();
  const obstacle = operation && (await finishTrees(repository, operation.trees));
  await operations.settle();
  if (operation && obstacle !== DONE) return { operation, obstacle };
  return logged && { operation: logged, obstacle: undefined };
}

/** Nothing was left to do. */
const DONE = Symbol("done");

async function finishTrees(repository: Repository, trees: readonly TreeUpdate[]): Promise<string | typeof DONE | undefined> {
  let changed = false;
  try {
    for (const update of trees) {
      const outcome = await finishTree(repository, update);
      if (typeof outcome === "string") return outcome;
      changed ||= outcome;
    }
  } catch (error) {
    if (!(error instanceof VarveError) || ["INTERRUPTED", "NAMESPACE_NEEDED"].includes(error.code)) throw error;
    return error.message;
  }
  return changed ? undefined : DONE;
}

/** @returns Whether there was something to do, or why it can't be done. */
async function finishTree(repository: Repository, update: TreeUpdate): Promise<boolean | string> {
  if (update.target.kind === "machine") return finishMachine(repository, update, isWorkedOn);
  return update.target.kind === "directory" ? finishDirectory(repository, update) : finishContainer(repository, update);
}

/** Its tree is changed in one step: done, or not begun. */
async function finishContainer(repository: Repository, { target, after, container }: TreeUpdate): Promise<boolean | string> {
  const { containers, history } = repository;
  if (target.kind !== "container") return false;
  const status = containers.list().find(({ record }) => record.id === target.id);
  if (status === undefined) {
    if (after === undefined || container === undefined) return false;
    await putBack(repository, container as unknown as ContainerRecord, after);
    return true;
  }
  if (status.record.base === after) return false;
  if (status.pid !== undefined) return `container "${status.record.name}" runs`;
  if (after === undefined) containers.remove(status.record);
  else containers.rebase(status.record, after, await layerChain(history, after));
  return true;
}

async function finishDirectory(repository: Repository, { before, after }: TreeUpdate): Promise<boolean | string> {
  const target = findTarget(repository, undefined);
  const trees = await openLiveTreeBefore(repository, target, after);
  const [old, wanted] = [await openCommitTree(repository, before), await openCommitTree(repository, after)];
  try {
    const changes = await compareTrees(trees.live, wanted);
    if (changes.length === 0) return false;
    if (changes.some((change) => isWorkedOn(change, old))) return "files were changed since";
    await becomeTree(repository, target, trees, after);
    return true;
  } finally {
    for (const tree of [wanted, old, trees]) tree.close();
  }
}

/** Whether what stands there is of neither tree. What is absent meanwhile, or has but a part of its new metadata, is on its way. */
function isWorkedOn({ path, from, status, reasons: missing, before: live, after: wanted }: Change, old: Tree): boolean {
  if (live === undefined) return false;
  // It is there already, and waits for another name of its inode.
  if (status === "M" && "content" in live && missing.every((reason) => reason === "link" || reason === "mtime")) return false;
  const former = nodeAt(old, from ?? path);
  if (former === undefined) return true;
  const reasons = changeReasons(live, former);
  if (reasons.includes("content") || reasons.includes("type")) return true;
  return reasons.includes("link") && !("content" in live) ? true : !hasOneOf(live, former, wanted);
}

function hasOneOf({ entry }: TreeNode, former: TreeNode, wanted: TreeNode | undefined): boolean {
  const sides = [former.entry, ...(wanted === undefined ? [] : [wanted.entry])];
  return (["mode", "uid", "gid"] as const).every((key) => sides.some((side) => side[key] === entry[key]));
}
