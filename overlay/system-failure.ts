import { VarveError, type ErrorCode } from "../core/errors.js";

const CODES: Readonly<Record<string, ErrorCode>> = {
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "PERMISSION",
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EFTYPE: "STORE_DAMAGED",
  ELOOP: "STORE_DAMAGED",
};

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  PERMISSION: "Run the command as the user who owns the store; containers need root.",
  DISK_FULL: "Free some space, then run the command again.",
  STORE_DAMAGED: "Look at what stands at that path: it should be a file or directory of varve's own.",
};

/**
 * A failed system call, of linux/ or of Node's fs, as a VarveError: PERMISSION, DISK_FULL or IO. Anything else comes back as it is.
 *
 * @param action Follows "Cannot", such as `write the container's record`.
 */
export function systemFailure(action: string, error: unknown, path?: string): unknown {
  const errno = (error as { code?: unknown } | undefined)?.code;
  if (error instanceof VarveError || typeof errno !== "string" || !/^E[A-Z0-9]+$/.test(errno)) return error;
  const code = CODES[errno] ?? "IO";
  return new VarveError(code, `Cannot ${action}: the system says ${errno}`, { path, hint: HINTS[code], cause: error });
}
