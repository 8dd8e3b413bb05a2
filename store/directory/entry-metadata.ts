import { statfsSync } from "node:fs";
import type { Entry, Xattr } from "../../core/model/entry.js";
import { ERRNO, hasCode, SystemCallError } from "../../linux/errno.js";
import { changeMode, changeOwner } from "../../linux/make-node.js";
import { setModificationTime } from "../../linux/times.js";
import { FileStat, statAt, statDescriptor } from "../../linux/stat.js";
import { removeXattr, setXattr } from "../../linux/xattr.js";
import { readXattrs } from "./live-xattrs.js";

/** Whether two entries of one type agree in all that can be set without making them anew. A symlink has no mode to set. */
export function sameMetadata(a: Entry, b: Entry): boolean {
  return (
    (a.mode === b.mode || a.type === "symlink") &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.mtimeSeconds === b.mtimeSeconds &&
    a.mtimeNanoseconds === b.mtimeNanoseconds &&
    sameXattrs(a.xattrs, b.xattrs)
  );
}

export function sameXattrs(a: readonly Xattr[], b: readonly Xattr[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ name, value }, index) => b[index]!.name === name && Buffer.compare(b[index]!.value, value) === 0);
}

/**
 * Sets an entry's owner, mode, xattrs and time, in this order: chown clears setuid and capabilities, and all but utimens move the time.
 *
 * @param name `""` is the descriptor itself. A symlink is not followed.
 * @throws SystemCallError
 */
export function setMetadata(directory: number, name: string, entry: Entry): void {
  changeOwner(directory, name, entry.uid, entry.gid);
  if (entry.type !== "symlink") changeMode(directory, name, entry.mode);
  setXattrs(directory, name, entry.xattrs);
  setModificationTime(directory, name, entry.mtimeSeconds, entry.mtimeNanoseconds);
  if (entry.mtimeSeconds < EVERYWHERE.first || entry.mtimeSeconds > EVERYWHERE.last) checkTime(directory, name, entry);
}

/** Seconds since 1970 that every filesystem of Linux with 32 bits or more for them holds. */
const EVERYWHERE = { first: -(2 ** 31), last: 2 ** 31 - 1 } as const;
const STAT = new FileStat();

/** The kernel sets a time that the filesystem can't hold to the nearest that it can, and says nothing. */
function checkTime(directory: number, name: string, { mtimeSeconds }: Entry): void {
  const { mtimeSeconds: found } = name === "" ? statDescriptor(directory, STAT) : statAt(directory, name, STAT);
  if (found !== mtimeSeconds) throw new SystemCallError(`utimensat to ${mtimeSeconds} s`, ERRNO.EOVERFLOW, name);
}

/** A new file may have some already: an ACL that it inherits from its directory. */
function setXattrs(directory: number, name: string, wanted: readonly Xattr[]): void {
  const present = readXattrs(directory, name);
  if (sameXattrs(present, wanted)) return;
  for (const xattr of present) {
    if (!wanted.some((other) => other.name === xattr.name)) removeXattr(directory, name, xattr.name);
  }
  for (const xattr of wanted) {
    if (!present.some((other) => sameXattrs([other], [xattr]))) setOne(directory, name, xattr);
  }
}

/** ext4 says ENOSPC, too, of what is more than an inode and one block hold together. */
function setOne(directory: number, name: string, { name: xattr, value }: Xattr): void {
  try {
    setXattr(directory, name, xattr, value);
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "E2BIG", "ERANGE") || isFull(directory)) throw error;
    throw new SystemCallError("lsetxattr", ERRNO.EOVERFLOW, name);
  }
}

/** Of a disk with fewer free ones it is not told which of both it was. */
const FEW_BLOCKS = 256;

function isFull(directory: number): boolean {
  const { bavail, ffree, files } = statfsSync(`/proc/self/fd/${directory}`);
  // Of some filesystems, such as btrfs, the number of inodes is 0: they have no limit.
  return bavail < FEW_BLOCKS || (files > 0 && ffree === 0);
}
