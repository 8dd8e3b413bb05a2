import { constants } from "node:os";
import { lastErrno } from "./native-library.js";

/** Numbers by name, such as `ERRNO.ENOENT`. */
export const ERRNO: Readonly<typeof constants.errno> = constants.errno;

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `2` → `"ENOENT"`; a number without a name → `"ERRNO_<number>"`. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `ERRNO_${errno}`;
}

/** A system call that failed. store/ and overlay/ turn it into the error that people see. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  readonly syscall: string;
  readonly errno: number;
  /** As Node's own errors have it: `ENOENT`. */
  readonly code: string;
  /** As it was given: latin1 bytes, relative to the directory that the call had. */
  readonly path: string | undefined;

  constructor(syscall: string, errno: number, path?: string) {
    super(`${syscall}${path === undefined ? "" : ` ${JSON.stringify(path)}`}: ${errnoName(errno)}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = errnoName(errno);
    this.path = path;
  }
}

/** @returns `result`, when it is no failure. @throws SystemCallError when it is -1. */
export function checked(result: number, syscall: string, path?: string): number {
  if (result === -1) throw new SystemCallError(syscall, lastErrno(), path);
  return result;
}

/** Whether an error from linux/ or from Node's fs has this errno name. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && codes.includes((error as { code?: string }).code ?? "");
}
