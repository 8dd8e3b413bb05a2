import { closeSync, constants, fstatSync, lstatSync, openSync, renameSync, writeSync } from "node:fs";
import { tryLock } from "../../linux/lock.js";

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/** When it would get larger, the file gives way to a new one; one older is kept. Some 20,000 events each. */
export const LARGEST_FILE_BYTES: number = 2 ** 22;

export function formerOf(file: string): string {
  return `${file}.1`;
}

/**
 * Appends a line: the kernel keeps apart what several processes append at once. Open, stat, write, close.
 *
 * @throws Node's error; EFTYPE when something else stands there. What was written of the line until then stays.
 */
export function appendLine(file: string, line: Uint8Array, largest: number = LARGEST_FILE_BYTES): void {
  const descriptor = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw Object.assign(new RangeError(`${file} is no regular file`), { code: "EFTYPE", path: file });
    const isFull = stat.size > 0 && stat.size + line.length > largest;
    if (isFull && isMovedAway(descriptor, file)) return appendLine(file, line, largest);
    const written = writeSync(descriptor, line);
    // Only a full disk makes it fewer; a second write would not join the first when others write between.
    if (written < line.length) throw Object.assign(new RangeError("a line was torn"), { code: "ENOSPC", path: file });
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes room for a new file. One process does; who finds it at that writes to the old one.
 * @returns Whether another file is to be opened.
 */
function isMovedAway(descriptor: number, file: string): boolean {
  if (!tryLock(descriptor, "exclusive")) return false;
  if (lstatSync(file, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino) renameSync(file, formerOf(file));
  return true;
}
