import { SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { nativePath } from "./native-path.js";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from "./open-at.js";

export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFIFO = 0o010000;
export const S_IFSOCK = 0o140000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;

/** What statx tells of an inode. Plain fields, so that one object serves a whole walk. */
export class FileStat {
  /** Type bits and permission bits. */
  mode = 0;
  uid = 0;
  gid = 0;
  nlink = 0;
  /** Bytes. */
  size = 0;
  /** In units of 512 bytes. */
  blocks = 0;
  /** An inode number has 64 bits, and overlayfs uses the high ones. */
  inodeLow = 0;
  inodeHigh = 0;
  deviceMajor = 0;
  deviceMinor = 0;
  /** Of a device node. */
  rdevMajor = 0;
  rdevMinor = 0;
  /** Whole seconds since 1970, rounded down. */
  mtimeSeconds = 0;
  mtimeNanoseconds = 0;
  ctimeSeconds = 0;
  ctimeNanoseconds = 0;
  /** 0 before Linux 5.8. */
  mountId = 0;

  /** `S_IFREG`, `S_IFDIR`, … */
  get type(): number {
    return this.mode & S_IFMT;
  }

  get permissions(): number {
    return this.mode & 0o7777;
  }

  /** The same for two names of one inode. */
  get inodeKey(): string {
    return `${this.deviceMajor}:${this.deviceMinor}:${this.inodeHigh * 0x100000000 + this.inodeLow}:${this.inodeLow}`;
  }
}

const statx = declare("int statx(int directory, const void *path, int flags, uint32_t mask, void *result)");

/** The same call, with the name at an address. */
const statxNamed = declare("int statx(int directory, int64_t path, int flags, uint32_t mask, void *result)");

/** STATX_BASIC_STATS | STATX_MNT_ID */
const MASK = 0x17ff;
const WORDS = new Uint32Array(64);

/**
 * An entry's stat; a symlink's own.
 *
 * @param name Bytes in latin1; `""` is the descriptor itself.
 * @returns `into`, filled.
 */
export function statAt(directory: number, name: string, into: FileStat = new FileStat()): FileStat {
  const errno = tryStatAt(directory, name, into);
  if (errno !== 0) throw new SystemCallError("statx", errno, name);
  return into;
}

export function statDescriptor(descriptor: number, into: FileStat = new FileStat()): FileStat {
  return statAt(descriptor, "", into);
}

/** As `statAt`. @returns 0, or the errno. */
export function tryStatAt(directory: number, name: string, into: FileStat): number {
  const flags = AT_SYMLINK_NOFOLLOW | (name === "" ? AT_EMPTY_PATH : 0);
  if (statx(directory, nativePath(name), flags, MASK, WORDS) === -1) return lastErrno();
  fill(into);
  return 0;
}

/**
 * As `tryStatAt`, for loops over very many names: nothing is copied.
 *
 * @param address Where the name stands in this process's memory, with a NUL behind it.
 * @returns 0, or the errno. The answer stands in `STAT_WORDS`.
 */
export function statNamed(directory: number, address: number): number {
  return statxNamed(directory, address, AT_SYMLINK_NOFOLLOW, MASK, WORDS) === -1 ? lastErrno() : 0;
}

/** struct statx as `statNamed` left it, in words of 32 bits. */
export const STAT_WORDS: Uint32Array = WORDS;

/** Where in STAT_WORDS each value stands; 64-bit values take two words, the low one first. */
export const STAT_WORD = {
  nlink: 4,
  uid: 5,
  gid: 6,
  mode: 7,
  inode: 8,
  size: 10,
  ctimeSeconds: 24,
  ctimeNanoseconds: 26,
  mtimeSeconds: 28,
  mtimeNanoseconds: 30,
  deviceMajor: 34,
  deviceMinor: 35,
  mountId: 36,
} as const;

/** Word numbers are offsets in struct statx, by 4; both machines that we run on are little-endian. */
function fill(into: FileStat): void {
  into.nlink = WORDS[4]!;
  into.uid = WORDS[5]!;
  into.gid = WORDS[6]!;
  into.mode = WORDS[7]! & 0xffff;
  into.inodeLow = WORDS[8]!;
  into.inodeHigh = WORDS[9]!;
  into.size = WORDS[11]! * 0x100000000 + WORDS[10]!;
  into.blocks = WORDS[13]! * 0x100000000 + WORDS[12]!;
  into.ctimeSeconds = (WORDS[25]! | 0) * 0x100000000 + WORDS[24]!;
  into.ctimeNanoseconds = WORDS[26]!;
  into.mtimeSeconds = (WORDS[29]! | 0) * 0x100000000 + WORDS[28]!;
  into.mtimeNanoseconds = WORDS[30]!;
  into.rdevMajor = WORDS[32]!;
  into.rdevMinor = WORDS[33]!;
  into.deviceMajor = WORDS[34]!;
  into.deviceMinor = WORDS[35]!;
  into.mountId = WORDS[37]! * 0x100000000 + WORDS[36]!;
}
