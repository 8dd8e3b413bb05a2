import { constants } from "node:fs";
import { checked, ERRNO, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { nativePath, secondNativePath } from "./native-path.js";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, closeDescriptor, O_PATH, openAt } from "./open-at.js";

const mknodat = declare("int mknodat(int directory, const void *path, uint32_t mode, uint64_t device)");
const mkdirat = declare("int mkdirat(int directory, const void *path, uint32_t mode)");
const symlinkat = declare("int symlinkat(const void *target, int directory, const void *path)");
const linkat = declare("int linkat(int fromDirectory, const void *from, int toDirectory, const void *to, int flags)");
const readlinkat = declare("int64_t readlinkat(int directory, const void *path, void *target, size_t size)");
const fchmodat2 = declare("long syscall(long number, long directory, const void *path, long mode, long flags)");
const chmod = declare("int chmod(const void *path, uint32_t mode)");
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

const FCHMODAT2 = 452;

/**
 * Sets permission bits, with setuid, setgid and sticky, of anything but a symlink, which is not followed (EOPNOTSUPP).
 * @param name `""` is the descriptor itself, which must not be one of O_PATH.
 */
export function changeMode(directory: number, name: string, mode: number): void {
  if (name === "") {
    checked(fchmod(directory, mode), "fchmod");
    return;
  }
  if (fchmodat2(FCHMODAT2, directory, nativePath(name), mode, AT_SYMLINK_NOFOLLOW) === 0) return;
  const errno = lastErrno();
  if (errno !== ERRNO.ENOSYS && errno !== ERRNO.EPERM) throw new SystemCallError("fchmodat2", errno, name);
  changeModeThroughProc(directory, name, mode);
}

/** Before Linux 6.6: /proc's link leads to the inode that the descriptor holds, whatever its type. */
function changeModeThroughProc(directory: number, name: string, mode: number): void {
  const descriptor = openAt(directory, name, O_PATH | constants.O_NOFOLLOW);
  try {
    checked(chmod(nativePath(`/proc/self/fd/${descriptor}`), mode), "chmod", name);
  } finally {
    closeDescriptor(descriptor);
  }
}

/** Sets the owner, a symlink's own. The kernel then clears setuid, setgid and capabilities. @param name `""` is the descriptor itself. */
export function changeOwner(directory: number, name: string, uid: number, gid: number): void {
  const flags = AT_SYMLINK_NOFOLLOW | (name === "" ? AT_EMPTY_PATH : 0);
  checked(fchownat(directory, nativePath(name), uid, gid, flags), "fchownat", name);
}
