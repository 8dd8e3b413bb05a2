import type { CommitId } from "../model/ids.js";
import type { Operation, OperationDraft, TreeUpdate } from "../ports/operation-log.js";
import type { RefUpdate } from "../ports/history.js";
import type { Repository } from "../ports/repository.js";
import { layerChain } from "../layers/layer-chain.js";
import { unheard } from "../yield-to-signals.js";
import { moveRefs, recordOperation, takenBack } from "./record-operation.js";
import { openCommitTree, openLiveTreeBefore, type LiveTree, type Target } from "./targets.js";

/** The change of one tree, made ready: all that can fail beforehand is done. */
export interface TreeAct {
  act(): Promise<void>;
  /** Of an `act` that failed, or was followed by one that did. */
  takeBack(): Promise<void>;
}

export interface PerformOptions {
  /** The refs that have still to be moved, when an earlier call was killed between the two: by default the operation's. */
  readonly moves?: readonly RefUpdate[];
}

/**
 * Logs an operation and changes trees. It is logged first: killed half-way, the next command brings it to its end (finish-interrupted.ts). When a
 * tree can't be changed, all is taken back as far as possible, trees, refs and record, so that a failure leaves what was; where even that fails,
 * `undo` is left to do it.
 */
export async function performOperation(
  repository: Repository,
  draft: OperationDraft,
  acts: readonly TreeAct[],
  { moves }: PerformOptions = {},
): Promise<Operation> {
  const { operations } = repository;
  if (acts.length === 0) return recordOperation(repository, draft, moves);
  await operations.begin();
  try {
    const operation = await recordOperation(repository, draft, moves);
    await actOrTakeBack(repository, operation, acts);
    return operation;
  } finally {
    await operations.settle();
  }
}

/** The first change may be interrupted; from then on nothing does. */
async function actOrTakeBack(repository: Repository, operation: Operation, acts: readonly TreeAct[]): Promise<void> {
  for (const [index, { act }] of acts.entries()) {
    try {
      await (index === 0 ? act() : unheard(act));
    } catch (error) {
      await quietly(() => takeBack(repository, operation, acts.slice(0, index + 1)));
      throw error;
    }
  }
}

/** Takes back what failed, which is what is to be reported; a signal does not end that, be it what made it fail. */
async function quietly(work: () => Promise<void>): Promise<void> {
  await unheard(work).catch(() => undefined);
}

async function takeBack(repository: Repository, operation: Operation, acts: readonly TreeAct[]): Promise<void> {
  for (const act of acts.toReversed()) {
    // Where a tree stays half-way, `undo` is left to go on from there: of an undo, the same undo again.
    const done = act.takeBack();
    await (operation.undoes === undefined ? done : quietly(() => done));
  }
  const back = takenBack(operation);
  await moveRefs(repository, back, `failed: ${operation.command}`);
  await repository.operations.append({ ...back, command: `failed: ${operation.command}`, trees: [], undoes: operation.id });
}

export function treeTarget(target: Target): TreeUpdate["target"] {
  return target.kind === "directory" ? { kind: "directory" } : { kind: "container", id: target.record.id };
}

/** A container's tree is changed without a look at it. */
export const NO_TREES: LiveTree = {} as LiveTree;

/** Makes a target's tree what an update says. @param trees As it is now, open until the act is done. */
export function treeAct(
  repository: Repository,
  target: Target,
  trees: Pick<LiveTree, "live">,
  { before, after }: Pick<TreeUpdate, "before" | "after">,
): TreeAct {
  return {
    act: () => becomeTree(repository, target, trees, after),
    takeBack: () => takeBackTree(repository, target, { before, after }),
  };
}

async function takeBackTree(
  repository: Repository,
  target: Target,
  { before, after }: Pick<TreeUpdate, "before" | "after">,
): Promise<void> {
  if (target.kind === "container") {
    // Its tree is changed in one step: done, or not begun.
    const { record } = repository.containers.find(target.record.id);
    if (before === undefined || record.base !== after || after === target.record.base) return;
    repository.containers.rebase(record, before, await layerChain(repository.history, before));
    return;
  }
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
  { live }: Pick<LiveTree, "live">,
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
