import { closeSync, constants, existsSync, fstatSync, fsyncSync, ftruncateSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { Operation, OperationDraft, OperationLog } from "../../core/ports/operation-log.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { now } from "../clock.js";
import { identity } from "../git/author.js";
import { syncDirectory, writeFully } from "../durable-file.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { linesBackwards } from "./lines-backwards.js";
import { intendedMark, type IntendedMark } from "./intended-mark.js";
import { unsettledMark, type UnsettledMark } from "./unsettled-mark.js";
import { decodeOperation, encodeOperation, operationId } from "./operation-record.js";

/** The store's operation log: one file of JSON lines with checksums. Appends happen under the store's lock. */
export function fileOperationLog(layout: StoreLayout): OperationLog {
  const file = layout.operationLog;
  return {
    append: async (operation) => append(file, operation, writerOf(layout)),
    list: () => list(file),
    ...marks(layout.operations, () => list(file)),
  };
}

function marks(
  operations: string,
  all: () => AsyncIterable<Operation>,
): Pick<OperationLog, keyof UnsettledMark | keyof IntendedMark> {
  const [unsettled, intended] = [unsettledMark(operations, all), intendedMark(operations, all)];
  return { ...unsettled, ...intended, isUnsettled: () => unsettled.isUnsettled() || intended.isUnsettled() };
}

function writerOf({ git }: StoreLayout): string {
  const { name, email } = identity("committer", git);
  return `${name} <${email}>`;
}

function append(file: string, operation: OperationDraft, user: string): Operation {
  try {
    const isNew = !existsSync(file);
    const appended = appendTo(file, { ...operation, time: now().toISOString(), user });
    if (isNew) syncDirectory(path.dirname(file));
    return appended;
  } catch (error) {
    throw systemFailure("write the operation log", error, file);
  }
}

function appendTo(file: string, operation: Omit<Operation, "id">): Operation {
  const fd = openRegularFile(file, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
  try {
    const end = endOfRecords(fd);
    ftruncateSync(fd, end);
    const appended = { ...operation, id: operationId(operation, end) };
    try {
      writeFully(fd, encodeOperation(appended));
      fsyncSync(fd);
    } catch (error) {
      ftruncateSync(fd, end);
      throw error;
    }
    return appended;
  } finally {
    closeSync(fd);
  }
}

/**
 * Where the next record goes: behind the last line that ended properly. What a crash tore behind it was never acknowledged. A line
 * that ended properly and yet lies is damage: it stays, for `list` to tell of.
 */
function endOfRecords(fd: number): number {
  for (const { bytes, start, whole } of linesBackwards(fd, fstatSync(fd).size)) {
    if (whole && !isTorn(bytes)) return start + bytes.length + 1;
  }
  return 0;
}

/** After a power cut blocks that were never written read as zeros. */
function isTorn(bytes: Buffer): boolean {
  return bytes.includes(0);
}

async function* list(file: string): AsyncGenerator<Operation> {
  const fd = openForReading(file);
  if (fd === undefined) return;
  try {
    let last = true;
    for (const { bytes, whole } of linesBackwards(fd, fstatSync(fd).size)) {
      const operation = whole ? decodeOperation(bytes) : undefined;
      if (operation !== undefined) yield operation;
      else if (!last || (whole && !isTorn(bytes))) throw damaged(file);
      last &&= operation === undefined;
    }
  } catch (error) {
    throw systemFailure("read the operation log", error, file);
  } finally {
    closeSync(fd);
  }
}

function openForReading(file: string): number | undefined {
  try {
    return openRegularFile(file);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw systemFailure("read the operation log", error, file);
  }
}

function damaged(file: string): VarveError {
  return new VarveError("STORE_DAMAGED", "Cannot read the operation log: a record's checksum is wrong", {
    path: file,
    hint: "`varve fsck --repair` takes it out and keeps the others. Newer operations can still be undone. Commits, branches and tags are not concerned.",
  });
}
