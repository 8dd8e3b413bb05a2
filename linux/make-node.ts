import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { nativePath, secondNativePath } from "./native-path.js";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from "./open-at.js";

const mknodat = declare("int mknodat(int directory, const void *path, uint32_t mode, uint64_t device)");
const mkdirat = declare("int mkdirat(int directory, const void *path, uint32_t mode)");
const symlinkat = declare("int symlinkat(const void *target, int directory, const void *path)");
const linkat = declare("int linkat(int fromDirectory, const void *from, int toDirectory, const void *to, int flags)");
const readlinkat = declare("int64_t readlinkat(int directory, const void *path, void *target, size_t size)");
const fchmodat = declare("int fchmodat(int directory, const void *path, uint32_t mode, int flags)");
const fchmod = declare("int fchmod(int descriptor, uint32_t mode)");
const fchownat = declare("int fchownat(int directory, const void *path, uint32_t uid, uint32_t gid, int flags)");

/** @param mode Permission bits; the process's umask takes from them. */
export function makeDirectory(directory: number, name: string, mode: number): void {
  checked(mkdirat(directory, nativePath(name), mode), "mkdirat", name);
}

/** @param mode Type bits (`S_IFIFO`, `S_IFSOCK`, `S_IFCHR`, `S_IFBLK`) and permission bits. */
export function makeNode(directory: number, name: string, mode: number, major = 0, minor = 0): void {
  checked(mknodat(directory, nativePath(name), mode, deviceNumber(major, minor)), "mknodat", name);
}

/** glibc's dev_t, as gnu_dev_makedev of sys/sysmacros.h makes it. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffn) << 8n) | ((high & ~0xfffn) << 32n) | (low & 0xffn) | ((low & ~0xffn) << 12n);
}

export function makeSymlink(directory: number, name: string, target: string): void {
  checked(symlinkat(secondNativePath(target), directory, nativePath(name)), "symlinkat", name);
}

/** One more name for an inode; a symlink is not followed. */
export function makeLink(fromDirectory: number, from: string, toDirectory: number, to: string): void {
  checked(linkat(fromDirectory, nativePath(from), toDirectory, secondNativePath(to), 0), "linkat", to);
}

const TARGET = Buffer.alloc(8192);

/** @param name `""` for a descriptor of O_PATH. @returns Bytes in latin1. */
export function readLink(directory: number, name: string): string {
  const length = checked(readlinkat(directory, nativePath(name), TARGET, TARGET.length), "readlinkat", name);
  return TARGET.toString("latin1", 0, length);
}

/**
 * Sets permission bits, with setuid, setgid and sticky, without following a symlink (which has none to set: EOPNOTSUPP).
 *
 * The C library does this without fchmodat2 through /proc, from 2.32 on; before, it can't. @param name `""` is the descriptor itself.
 */
export function changeMode(directory: number, name: string, mode: number): void {
  if (name === "") checked(fchmod(directory, mode), "fchmod");
  else checked(fchmodat(directory, nativePath(name), mode, AT_SYMLINK_NOFOLLOW), "fchmodat", name);
}

/** Sets the owner, a symlink's own. The kernel then clears setuid, setgid and capabilities. @param name `""` is the descriptor itself. */
export function changeOwner(directory: number, name: string, uid: number, gid: number): void {
  const flags = AT_SYMLINK_NOFOLLOW | (name === "" ? AT_EMPTY_PATH : 0);
  checked(fchownat(directory, nativePath(name), uid, gid, flags), "fchownat", name);
}
