import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import type { Operation, OperationLog } from "../../core/ports/operation-log.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { now } from "../clock.js";
import { decodeOperation, encodeOperation } from "./operation-record.js";
import { newest, writeMark } from "./unsettled-mark.js";

const LARGEST_MARK_BYTES = 2 ** 26;
/** The id of what stands before the first operation. */
const NONE = "000000000000";

export type IntendedMark = Pick<OperationLog, "intend" | "withdraw" | "intended" | "isUnsettled">;

/**
 * `operations/intended`: stands while refs and the like are moved for an operation that is not logged yet. It is a record as those of the log, but
 * its id is that of the operation before, so that one which was logged is told from one which was not. A torn one was never acted on.
 *
 * @param list The operations, newest first.
 */
export function intendedMark(operations: string, list: () => AsyncIterable<Operation>): IntendedMark {
  const file = path.join(operations, "intended");
  return {
    intend: async (operation) => {
      const id = (await newest(list))?.id ?? NONE;
      writeMark(file, encodeOperation({ ...operation, id, time: now().toISOString() }));
    },
    withdraw: async () => rmSync(file, { force: true }),
    isUnsettled: () => existsSync(file),
    intended: async () => {
      const found = existsSync(file) ? decode(file) : undefined;
      if (found === undefined || ((await newest(list))?.id ?? NONE) !== found.id) return undefined;
      const { id: _, time: __, user: ___, ...draft } = found;
      return draft;
    },
  };
}

function decode(file: string): Operation | undefined {
  try {
    return decodeOperation(readRegularFile(file, { largest: LARGEST_MARK_BYTES }).subarray(0, -1));
  } catch {
    return undefined;
  }
}
