import type { Operation, OperationDraft, OperationLog } from "../../core/ports/operation-log.js";

/** An operation log without a disk, for tests of what stands above it. */
export function memoryOperationLog(): OperationLog {
  const operations: Operation[] = [];
  /** The id of the last operation when something was begun. */
  let begun: { readonly before: string | undefined } | undefined;
  let intent: { readonly operation: OperationDraft; readonly before: string | undefined } | undefined;
  return {
    intend: async (operation) => {
      intent = { operation, before: operations.at(-1)?.id };
    },
    withdraw: async () => {
      intent = undefined;
    },
    intended: async () => (intent?.before === operations.at(-1)?.id ? intent?.operation : undefined),
    begin: async () => {
      begun = { before: operations.at(-1)?.id };
    },
    settle: async () => {
      begun = undefined;
    },
    isUnsettled: () => begun !== undefined || intent !== undefined,
    interrupted: async () => {
      const last = operations.at(-1);
      return begun === undefined || last?.id === begun.before ? undefined : last;
    },
    async append(operation) {
      const id = (operations.length + 1).toString(16).padStart(12, "0");
      const appended = {
        ...operation,
        id,
        user: "Test <test@example.org>",
        time: new Date(981_173_106_000 + operations.length * 1000).toISOString(),
      };
      operations.push(appended);
      return appended;
    },
    async *list() {
      for (let at = operations.length - 1; at >= 0; at -= 1) yield operations[at] as Operation;
    },
  };
}
