import { ERRNO, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { nativePath, secondNativePath } from "./native-path.js";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "./open-at.js";

const listxattrat = declare("long syscall(long n, long directory, const void *path, long flags, void *list, size_t size)");
const list = declare("int64_t llistxattr(const void *path, void *list, size_t size)");
const listFollowing = declare("int64_t listxattr(const void *path, void *list, size_t size)");
const get = declare("int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)");
const getFollowing = declare("int64_t getxattr(const void *path, const void *name, void *value, size_t size)");
const set = declare("int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)");
const setFollowing = declare("int setxattr(const void *path, const void *name, const void *value, size_t size, int flags)");
const remove = declare("int lremovexattr(const void *path, const void *name)");
const removeFollowing = declare("int removexattr(const void *path, const void *name)");

const LISTXATTRAT = 465;
/** XATTR_LIST_MAX and XATTR_SIZE_MAX, from linux/limits.h. */
const LIST = Buffer.alloc(65536);
const VALUE = Buffer.alloc(65536);
const NONE: readonly string[] = Object.freeze([]);

let hasListxattrat: boolean | undefined;

/**
 * The names of an entry's xattrs, those that this process may see; a symlink's own. `""` is the descriptor itself, which may
 * have been opened with O_PATH.
 *
 * @returns Names with their namespace, in byte order. Empty where the filesystem has none.
 */
export function listXattrs(directory: number, name: string): readonly string[] {
  // Asked for their length alone the kernel makes no room for names: most entries have none.
  const wanted = callList(directory, name, 0);
  const length = wanted > 0 ? callList(directory, name, LIST.length) : wanted;
  if (length === 0) return NONE;
  if (length > 0)
    return LIST.toString("latin1", 0, length - 1)
      .split("\0")
      .sort();
  const errno = lastErrno();
  if (errno === ERRNO.EOPNOTSUPP || errno === ERRNO.ENOSYS) return NONE;
  throw new SystemCallError("llistxattr", errno, name);
}

/** @param size Bytes of LIST; 0 to ask how many it would take. */
function callList(directory: number, name: string, size: number): number {
  // One call from Linux 6.13 on; before, a path through /proc, which costs twice that.
  hasListxattrat ??= listxattrat(LISTXATTRAT, AT_FDCWD, nativePath("/"), 0, LIST, LIST.length) !== -1;
  if (hasListxattrat) {
    const flags = AT_SYMLINK_NOFOLLOW | (name === "" ? AT_EMPTY_PATH : 0);
    const length = listxattrat(LISTXATTRAT, directory, nativePath(name), flags, LIST, size);
    // It takes no descriptor of O_PATH itself, only names below one.
    if (length !== -1 || name !== "" || lastErrno() !== ERRNO.EBADF) return length;
  }
  return (name === "" ? listFollowing : list)(procPath(directory, name), LIST, size);
}

/**
 * /proc's link leads to the very inode that the descriptor holds, so nothing is resolved anew but `name`, and that is not followed.
 */
function procPath(directory: number, name: string): Buffer {
  if (directory === AT_FDCWD) return nativePath(name);
  return nativePath(name === "" ? `/proc/self/fd/${directory}` : `/proc/self/fd/${directory}/${name}`);
}

/** @returns The value, a copy; `undefined` when there is none by that name. */
export function getXattr(directory: number, name: string, xattr: string): Uint8Array | undefined {
  const call = name === "" ? getFollowing : get;
  const length = call(procPath(directory, name), secondNativePath(xattr), VALUE, VALUE.length);
  if (length >= 0) return Uint8Array.prototype.slice.call(VALUE, 0, length);
  const errno = lastErrno();
  if (errno === ERRNO.ENODATA || errno === ERRNO.EOPNOTSUPP) return undefined;
  throw new SystemCallError("lgetxattr", errno, name);
}

export function setXattr(directory: number, name: string, xattr: string, value: Uint8Array): void {
  const call = name === "" ? setFollowing : set;
  if (call(procPath(directory, name), secondNativePath(xattr), value, value.length, 0) === -1) {
    throw new SystemCallError("lsetxattr", lastErrno(), name);
  }
}

/** May be repeated: an xattr that is not there is no failure. */
export function removeXattr(directory: number, name: string, xattr: string): void {
  const call = name === "" ? removeFollowing : remove;
  if (call(procPath(directory, name), secondNativePath(xattr)) === 0) return;
  const errno = lastErrno();
  if (errno !== ERRNO.ENODATA) throw new SystemCallError("lremovexattr", errno, name);
}
