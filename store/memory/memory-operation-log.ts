import type { Operation, OperationLog } from "../../core/ports/operation-log.js";

/** An operation log without a disk, for tests of what stands above it. */
export function memoryOperationLog(): OperationLog {
  const operations: Operation[] = [];
  return {
    async append(operation) {
      const id = (operations.length + 1).toString(16).padStart(12, "0");
      const appended = { ...operation, id, time: new Date(981_173_106_000 + operations.length * 1000).toISOString() };
      operations.push(appended);
      return appended;
    },
    async *list() {
      for (let at = operations.length - 1; at >= 0; at -= 1) yield operations[at] as Operation;
    },
  };
}
