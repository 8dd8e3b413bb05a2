import { closeSync, constants, fstatSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import type { MendedLog } from "../../core/ports/store-checks.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { syncDirectory, writeFully } from "../durable-file.js";
import { copyToQuarantine } from "./quarantine.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { linesBackwards, readExactly } from "../operation-log/lines-backwards.js";
import { decodeOperation } from "../operation-log/operation-record.js";

/**
 * Writes the operation log anew with its sound records alone, in their order; the log as it was is copied to quarantine/ before. Stopped anywhere the
 * log is the old one or the new one.
 *
 * @returns `undefined` when it is no regular file, or can't be read: nothing was done then.
 */
export function mendOperationLog(layout: StoreLayout): MendedLog | undefined {
  const file = layout.operationLog;
  const places = soundPlaces(file);
  if (places === undefined) return undefined;
  const quarantined = copyToQuarantine(layout, file, "operations-log");
  const scratch = scratchPath(layout, "operations");
  try {
    writeRecords(file, scratch, places.sound);
    renameSync(scratch, file);
    syncDirectory(path.dirname(file));
  } catch (error) {
    rmSync(scratch, { force: true });
    throw systemFailure("mend the operation log", error, file);
  }
  return { quarantined, kept: places.sound.length, lost: places.lost };
}

interface Places {
  /** Where the records stand in the file, oldest first. */
  readonly sound: readonly { readonly start: number; readonly length: number }[];
  readonly lost: number;
}

function soundPlaces(file: string): Places | undefined {
  let fd: number;
  try {
    fd = openRegularFile(file);
  } catch (error) {
    if (errnoOf(error) !== undefined) return undefined;
    throw error;
  }
  try {
    const sound: { start: number; length: number }[] = [];
    let lost = 0;
    for (const { bytes, start, whole } of linesBackwards(fd, fstatSync(fd).size)) {
      if (whole && decodeOperation(bytes) !== undefined) sound.push({ start, length: bytes.length + 1 });
      else lost += 1;
    }
    return { sound: sound.reverse(), lost };
  } catch (error) {
    throw systemFailure("read the operation log", error, file);
  } finally {
    closeSync(fd);
  }
}

function writeRecords(from: string, to: string, places: Places["sound"]): void {
  const source = openRegularFile(from);
  const fd = openSync(to, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    for (const { start, length } of places) writeFully(fd, readExactly(source, start, length));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
    closeSync(source);
  }
}
