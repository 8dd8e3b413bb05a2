import { VarveError, type ErrorCode } from "../core/errors.js";

const CODES: Readonly<Record<string, ErrorCode>> = {
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "PERMISSION",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EOVERFLOW: "UNSUPPORTED",
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
  EOVERFLOW: "the filesystem can't hold such a value",
};

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  PERMISSION: "Run the command as a user who may do that, or name another place.",
  DISK_FULL: "Free some space, then run the command again.",
  UNSUPPORTED: "Name a place on another filesystem, such as xfs or tmpfs.",
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
  return new VarveError(code, message, { path: where, hint: HINTS[code], cause: error });
}
