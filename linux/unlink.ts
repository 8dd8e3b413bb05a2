import { ERRNO, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { nativePath } from "./native-path.js";
import { AT_REMOVEDIR, closeDescriptor, OPEN_DIRECTORY, openAt } from "./open-at.js";
import { readDirectory } from "./read-directory.js";
import { FileStat, statDescriptor } from "./stat.js";

const unlinkat = declare("int unlinkat(int directory, const void *path, int flags)");

/** Removes a name that is no directory. @returns False when there was none. */
export function unlink(directory: number, name: string): boolean {
  return removed(unlinkat(directory, nativePath(name), 0), name);
}

/** Removes an empty directory. @returns False when there was none. */
export function removeDirectory(directory: number, name: string): boolean {
  return removed(unlinkat(directory, nativePath(name), AT_REMOVEDIR), name);
}

function removed(result: number, name: string): boolean {
  if (result === 0) return true;
  const errno = lastErrno();
  if (errno === ERRNO.ENOENT) return false;
  throw new SystemCallError("unlinkat", errno, name);
}

/**
 * Removes a name and all below it, as deep as it is: by descriptors, never by a long path, following no symlink and crossing
 * no mount point (EXDEV). May be repeated.
 */
export function removeTree(directory: number, name: string): void {
  if (removeName(directory, name)) return;
  emptyDirectory(openAt(directory, name, OPEN_DIRECTORY));
  removeDirectory(directory, name);
}

interface Level {
  /** What the parent must be when the walk goes up to it again. */
  readonly inode: string;
  /** The child that the walk is in. */
  readonly name: string;
  readonly remaining: string[];
}

/** Removes all that a directory holds. Holds two descriptors however deep it goes. Closes `descriptor`. */
export function emptyDirectory(descriptor: number): void {
  const stat = new FileStat();
  const above: Level[] = [];
  let current = descriptor;
  try {
    const mount = statDescriptor(current, stat).mountId;
    let remaining = readDirectory(current).names;
    for (;;) {
      const name = removeUpToDirectory(current, remaining);
      if (name !== undefined) {
        above.push({ inode: statDescriptor(current, stat).inodeKey, name, remaining });
        current = descend(current, name);
        if (statDescriptor(current, stat).mountId !== mount) throw new SystemCallError("unlinkat", ERRNO.EXDEV, name);
        remaining = readDirectory(current).names;
        continue;
      }
      const level = above.pop();
      if (level === undefined) return;
      current = ascend(current, level, stat);
      remaining = level.remaining;
      removeDirectory(current, level.name);
    }
  } finally {
    closeDescriptor(current);
  }
}

/** Takes names from the end. @returns The first directory that has something in it, or nothing when all are removed. */
function removeUpToDirectory(directory: number, names: string[]): string | undefined {
  for (;;) {
    const name = names.pop();
    if (name === undefined || !removeName(directory, name)) return name;
  }
}

/** @returns False for a directory that is not empty. */
function removeName(directory: number, name: string): boolean {
  if (unlinkat(directory, nativePath(name), 0) === 0) return true;
  const errno = lastErrno();
  if (errno === ERRNO.ENOENT) return true;
  // Linux says EISDIR for a directory; EPERM is what POSIX asks for.
  if (errno !== ERRNO.EISDIR && errno !== ERRNO.EPERM) throw new SystemCallError("unlinkat", errno, name);
  if (unlinkat(directory, nativePath(name), AT_REMOVEDIR) === 0) return true;
  const second = lastErrno();
  if (second === ERRNO.ENOENT) return true;
  if (second === ERRNO.ENOTEMPTY || second === ERRNO.EEXIST) return false;
  throw new SystemCallError("unlinkat", second === ERRNO.ENOTDIR ? errno : second, name);
}

function descend(current: number, name: string): number {
  const next = openAt(current, name, OPEN_DIRECTORY);
  closeDescriptor(current);
  return next;
}

function ascend(current: number, level: Level, stat: FileStat): number {
  const parent = openAt(current, "..", OPEN_DIRECTORY);
  closeDescriptor(current);
  if (statDescriptor(parent, stat).inodeKey === level.inode) return parent;
  closeDescriptor(parent);
  throw new SystemCallError("openat", ERRNO.ESTALE, level.name);
}
