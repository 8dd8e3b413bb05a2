import { closeSync, existsSync, fsyncSync, openSync, rmSync } from "node:fs";
import path from "node:path";
import type { Operation, OperationLog } from "../../core/ports/operation-log.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { syncDirectory, writeFully } from "../durable-file.js";
import { systemFailure } from "../system-failure.js";

const LARGEST_MARK_BYTES = 64;
/** What the mark holds when the log is empty. */
const NONE = "none";

export type UnsettledMark = Pick<OperationLog, "begin" | "settle" | "isUnsettled" | "interrupted">;

/**
 * `operations/unsettled`: stands while a command changes trees after it has logged that it does. It holds the id of the operation before, so that
 * a process that was killed before it logged anything is told from one that was killed later.
 *
 * @param list The operations, newest first.
 */
export function unsettledMark(operations: string, list: () => AsyncIterable<Operation>): UnsettledMark {
  const file = path.join(operations, "unsettled");
  return {
    begin: async () => writeMark(file, Buffer.from(`${(await newest(list))?.id ?? NONE}\n`)),
    settle: async () => remove(file),
    isUnsettled: () => existsSync(file),
    interrupted: async () => {
      if (!existsSync(file)) return undefined;
      const before = read(file);
      const last = await newest(list);
      return last?.id === before ? undefined : last;
    },
  };
}

export async function newest(list: () => AsyncIterable<Operation>): Promise<Operation | undefined> {
  for await (const operation of list()) return operation;
  return undefined;
}

/** Durable when it returns. */
export function writeMark(file: string, bytes: Buffer): void {
  try {
    const fd = openSync(file, "w", 0o600);
    try {
      writeFully(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncDirectory(path.dirname(file));
  } catch (error) {
    throw systemFailure("note what is about to be done", error, file);
  }
}

/** Not synced: a mark that comes back says of something that is done that it may not be. */
function remove(file: string): void {
  rmSync(file, { force: true });
}

/** What can't be read names no operation: then the newest one is looked at. */
function read(file: string): string {
  try {
    return readRegularFile(file, { largest: LARGEST_MARK_BYTES }).toString("latin1").trim();
  } catch {
    return "";
  }
}
