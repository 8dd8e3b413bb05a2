import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { errnoOf } from "./system-failure.js";

/** Makes the names in a directory durable: what was created, renamed or unlinked there. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** `syncDirectory`, or when another program has removed the directory, of what stood above it: that tells of the removal. */
export function syncNearest(directory: string): void {
  try {
    syncDirectory(directory);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || directory === path.dirname(directory)) throw error;
    syncNearest(path.dirname(directory));
  }
}

/** Writes all bytes, however many calls that takes. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

/** A new file whose bytes are on the disk, though its name may not be yet. Fails where something stands; removes what it began. */
export function writeNewFile(file: string, bytes: Uint8Array, mode = 0o644): void {
  const fd = openSync(file, "wx", mode);
  try {
    writeFully(fd, bytes);
    fsyncSync(fd);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * Puts a whole file in place: a reader, and whoever reads after a power cut, sees the old one or the new one.
 *
 * @param scratch A path for the unfinished file on the same filesystem, from `scratchPath`.
 */
export function replaceFile(file: string, bytes: Uint8Array, scratch: string): void {
  writeNewFile(scratch, bytes);
  try {
    renameSync(scratch, file);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
  syncDirectory(path.dirname(file));
}

/**
 * The same for a cache that checks itself: after a power cut it may be gone, or hold anything.
 *
 * @param scratch As for `replaceFile`.
 */
export function replaceCache(file: string, bytes: Uint8Array | string, scratch: string, mode = 0o600): void {
  try {
    writeFileSync(scratch, bytes, { flag: "wx", mode });
    renameSync(scratch, file);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
}
