import type { Change } from "../model/change.js";
import type { TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { findOperation } from "./find-operation.js";
import type { OperationState } from "./operation-states.js";
import { openCommitTree } from "./targets.js";
import { VarveError } from "../errors.js";

export interface TreeDifference {
  readonly update: TreeUpdate;
  /** Absent where there was no tree before or there is none after, and where garbage collection took one. */
  readonly changes: readonly Change[] | undefined;
}

export interface ShownOperation {
  readonly state: OperationState;
  readonly trees: readonly TreeDifference[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

/** An operation with what it changed in trees. @param word See findOperation. @throws VarveError OPERATION_UNKNOWN. */
export async function showOperation(repository: Repository, word: string): Promise<ShownOperation> {
  const { found: state } = await findOperation(repository.operations, word);
  if (state === undefined) {
    throw new VarveError("OPERATION_UNKNOWN", `Cannot show operation "${word}": it is what stood before the first one`, {
      hint: "`varve op log` lists those that there are.",
    });
  }
  const opened: { close(): void }[] = [];
  const close = (): void => opened.forEach((tree) => tree.close());
  try {
    const trees: TreeDifference[] = [];
    for (const update of state.operation.trees) trees.push({ update, changes: await changesOf(repository, update, opened) });
    return { state, trees, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function changesOf(
  repository: Repository,
  { target, before, after }: TreeUpdate,
  opened: { close(): void }[],
): Promise<readonly Change[] | undefined> {
  if (target.kind === "container" && (before === undefined || after === undefined)) return undefined;
  try {
    const [old, now] = [await openCommitTree(repository, before), await openCommitTree(repository, after)];
    opened.push(old, now);
    return await compareTrees(old, now);
  } catch (error) {
    if (error instanceof VarveError && ["STORE_DAMAGED", "LAYER_CORRUPT"].includes(error.code)) return undefined;
    throw error;
  }
}
