import { VarveError, type ErrorCode } from "../core/errors.js";

const CODES: Readonly<Record<string, ErrorCode>> = {
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "PERMISSION",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
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
  const hint = code === "DISK_FULL" ? "Free some space, then run the command again." : undefined;
  const message = `Cannot ${action}: ${STATES[errno] ?? errno}`;
  return new VarveError(code, message, { path: where, hint, cause: error });
}
