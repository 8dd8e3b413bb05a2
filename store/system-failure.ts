import { VarveError, type ErrorCode } from "../core/errors.js";

const CODES: Readonly<Record<string, ErrorCode>> = {
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "PERMISSION",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EOVERFLOW: "UNSUPPORTED",
  EFTYPE: "STORE_DAMAGED",
  ENAMETOOLONG: "UNSUPPORTED",
};

const STATES: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  ENOSPC: "no space left on the device",
  EDQUOT: "disk quota exceeded",
  ENOENT: "no such file or directory",
  EIO: "the device reported an error",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  EEXIST: "something else stands there",
  ENOTDIR: "a part of its path is no directory",
  EISDIR: "it is a directory",
  EFTYPE: "it is no regular file",
  EFBIG: "the file is larger than it may be",
  ENXIO: "it is no regular file",
  ELOOP: "it is a symbolic link, or leads in a circle",
  ENAMETOOLONG: "the name is too long",
  EOVERFLOW: "the filesystem can't hold such a value",
};

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  PERMISSION: "Run the command as a user who may do that, or name another place.",
  DISK_FULL: "Free some space, then run the command again.",
  UNSUPPORTED: "Name a place on another filesystem, such as xfs or tmpfs.",
};

/** For what no code's hint fits. */
const HINTS_BY_ERRNO: Readonly<Record<string, string>> = {
  EMFILE: "Let a process open more files (ulimit -n), then run the command again.",
  ENFILE: "Let this machine open more files (sysctl fs.file-max), then run the command again.",
  EROFS: "Mount the filesystem writable (mount -o remount,rw), or name another place.",
  EIO: "The kernel's log (dmesg) tells more. Save what can be saved: the disk may be about to fail.",
  ENAMETOOLONG: "Choose a shorter one.",
  ...Object.fromEntries(
    ["EEXIST", "ENOTDIR", "EISDIR", "EFTYPE", "ENXIO", "ELOOP"].map((errno) => [
      errno,
      "Look at what stands at that path, and move it away when it does not belong there.",
    ]),
  ),
};

/** The system's name of an error, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/**
 * A failed system call as a VarveError: PERMISSION, DISK_FULL or IO. Anything else (a VarveError, a mistake of ours) comes back as it is.
 *
 * @param action Follows "Cannot", such as `write the commit`.
 */
export function systemFailure(action: string, error: unknown, path?: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const where = path ?? (error as { path?: string }).path;
  const code = CODES[errno] ?? "IO";
  const message = `Cannot ${action}: ${STATES[errno] ?? errno}`;
  return new VarveError(code, message, { path: where, hint: HINTS_BY_ERRNO[errno] ?? HINTS[code], cause: error });
}
