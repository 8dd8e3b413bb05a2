import { constants, readSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { closeDescriptor, O_PATH, openWithin, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../linux/open-at.js";
import { S_IFREG, statAt, statDescriptor } from "../../linux/stat.js";

/** Follows the root's own symlinks, as if it were `/`, and never leaves it. */
export const RESOLVE_IN_CONTAINER: number = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/** @returns The descriptor, or `undefined` when the path leads to nothing. Paths are bytes in latin1, seen from the root. */
export function tryOpenInRoot(root: number, path: string, flags: number): number | undefined {
  try {
    return openWithin(root, path, flags, RESOLVE_IN_CONTAINER);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "ENAMETOOLONG", "ENXIO")) return undefined;
    throw error;
  }
}

/** The first bytes of a regular file within a root; none when it is anything else. */
export function readRootHead(root: number, path: string, length: number): Buffer {
  return readRootFile(root, path, (size) => Math.min(size, length));
}

/**
 * A regular file within a root, or its beginning; nothing when it is anything else: a FIFO would hold us for ever, a device fill the memory.
 * @param lengthFor How many bytes are wanted of so many. It may throw.
 */
export function readRootFile(root: number, path: string, lengthFor: (size: number) => number): Buffer {
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
