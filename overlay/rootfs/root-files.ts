import { constants, readSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { hasCode } from "../../linux/errno.js";
import { closeDescriptor, O_PATH, openWithin, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../linux/open-at.js";
import { S_IFREG, statAt, statDescriptor } from "../../linux/stat.js";

/** Follows the root's own symlinks, as if it were `/`, and never leaves it. */
export const RESOLVE_IN_CONTAINER: number = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/** A user database of more bytes is none. */
const LONGEST_TEXT = 4 * 1024 * 1024;

/** @returns The descriptor, or `undefined` when the path leads to nothing. Paths are bytes in latin1, seen from the root. */
export function tryOpenInRoot(root: number, path: string, flags: number): number | undefined {
  try {
    return openWithin(root, path, flags, RESOLVE_IN_CONTAINER);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENAMETOOLONG", "ENXIO")) return undefined;
    throw error;
  }
}

/**
 * The text of a user database within a root; empty when it is absent. Runtimes read it, too, whatever it is: a FIFO would hold them
 * for ever, a device fill the memory.
 * @throws VarveError RUNTIME_FAILED when it is no regular file, or too long for one.
 */
export function readRootText(root: number, path: string): string {
  const mode = rootFileMode(root, path);
  if (mode !== undefined && (mode & 0o170000) !== S_IFREG) throw unfit(path, "it is no regular file");
  const bytes = readRegular(root, path, (size) => {
    if (size > LONGEST_TEXT) throw unfit(path, `it has ${size} bytes, wanted at most ${LONGEST_TEXT}`);
    return size;
  });
  return bytes.toString("utf8");
}

function unfit(path: string, state: string): VarveError {
  return new VarveError(
    "RUNTIME_FAILED",
    `Cannot start the container: its "/${path}" can't be read as a list of users, ${state}`,
    {
      hint: "Replace it in the tree that the container stands on, then commit or import that again.",
    },
  );
}

/** The first bytes of a regular file within a root; none when it is anything else. */
export function readRootHead(root: number, path: string, length: number): Buffer {
  return readRegular(root, path, (size) => Math.min(size, length));
}

function readRegular(root: number, path: string, lengthFor: (size: number) => number): Buffer {
  const descriptor = tryOpenInRoot(root, path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (descriptor === undefined) return Buffer.alloc(0);
  try {
    const { type, size } = statDescriptor(descriptor);
    const buffer = Buffer.alloc(type === S_IFREG ? lengthFor(size) : 0);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(descriptor, buffer, length, buffer.length - length, length);
    }
    return buffer.subarray(0, length);
  } finally {
    closeDescriptor(descriptor);
  }
}

/** Type and permission bits of what a path within a root leads to; `undefined` when it leads to nothing. */
export function rootFileMode(root: number, path: string): number | undefined {
  const descriptor = tryOpenInRoot(root, path, O_PATH);
  if (descriptor === undefined) return undefined;
  try {
    return statDescriptor(descriptor).mode;
  } finally {
    closeDescriptor(descriptor);
  }
}

/** Whether a name in a root's top directory is itself (not through a symlink) of a type, such as S_IFDIR. */
export function isRootEntry(root: number, path: string, type: number): boolean {
  try {
    return statAt(root, path).type === type;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
