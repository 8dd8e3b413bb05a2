import type { Operation, OperationLog } from "../ports/operation-log.js";

export interface OperationState {
  readonly operation: Operation;
  /** Whether it is in effect: not taken back, or taken back by something that was itself taken back. */
  readonly live: boolean;
}

/** Newest first. Whatever takes an operation back is newer, so that one pass tells. */
export async function* operationStates(log: OperationLog): AsyncGenerator<OperationState> {
  const takenBack = new Set<string>();
  for await (const operation of log.list()) {
    const live = !takenBack.has(operation.id);
    if (live && operation.undoes !== undefined) takenBack.add(operation.undoes);
    yield { operation, live };
  }
}
