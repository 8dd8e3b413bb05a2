import type { ErrorCode } from "../core/errors.js";

/**
 * Scripts rely on these numbers: add, never reuse. `Record` makes a forgotten code a compile error. Told in docs/errors.md.
 * Tens group what is alike: 1x the store, 2x what a name means, 3x the state of things, 4x a source, 5x the system, 6x a process, 8x a registry.
 */
export const EXIT_STATUS: Readonly<Record<ErrorCode, number>> = {
  NOTHING_TO_COMMIT: 1,
  USAGE: 2,
  BAD_ID: 2,
  BAD_NAME: 2,
  STORE_MISSING: 10,
  STORE_EXISTS: 11,
  STORE_FORMAT: 12,
  STORE_LOCKED: 13,
  STORE_DAMAGED: 14,
  LAYER_CORRUPT: 15,
  REVISION_UNKNOWN: 20,
  REVISION_AMBIGUOUS: 21,
  PATH_MISSING: 22,
  WRONG_TYPE: 23,
  TARGET_UNKNOWN: 24,
  NOT_MOUNTED: 25,
  OPERATION_UNKNOWN: 26,
  UNRELATED_HISTORIES: 27,
  NAME_TAKEN: 30,
  BRANCH_BUSY: 31,
  CONTAINER_RUNNING: 32,
  CONTAINER_STOPPED: 33,
  NOTHING_TO_UNDO: 34,
  CONFLICT: 35,
  DESTINATION_NOT_EMPTY: 36,
  IN_PROGRESS: 37,
  NOTHING_IN_PROGRESS: 38,
  CONTRADICTION: 39,
  SOURCE_MISSING: 40,
  SOURCE_CHANGED: 41,
  SOURCE_UNREADABLE: 42,
  SOURCE_INVALID: 43,
  UNSUPPORTED: 44,
  PERMISSION: 50,
  DISK_FULL: 51,
  IO: 52,
  MOUNT_UNAVAILABLE: 53,
  ADDRESS_TAKEN: 54,
  NAMESPACE_NEEDED: 55,
  BISECT_ABORTED: 60,
  VOLUME_BUSY: 61,
  MERGE_BASE_BAD: 62,
  BUG: 70,
  REGISTRY_UNREACHABLE: 80,
  REGISTRY_DENIED: 81,
  REGISTRY_INVALID: 82,
  IMAGE_UNKNOWN: 83,
  RUNTIME_MISSING: 125,
  RUNTIME_FAILED: 125,
  COMMAND_NOT_EXECUTABLE: 126,
  COMMAND_NOT_FOUND: 127,
  INTERRUPTED: 130,
};

/** `diff --exit-code` found a difference. */
export const DIFFERENT = 1;

/** `check` found that a rule is broken. */
export const RULES_BROKEN = 1;

/** The reader of our output went away: what a process has that SIGPIPE ended (128 + 13). */
export const OUTPUT_CLOSED = 141;

/** Any failure of varve's own before or after the process of these commands, as in docker; the process has all other numbers. */
const AROUND_A_PROCESS = 125;
const AROUND_PROCESSES: ReadonlySet<string> = new Set(["run", "start", "try", "exec", "attach"]);

/**
 * @param command The command's name. `run`, `start`, `try`, `exec` and `attach` give the process's own status, so that theirs must be told apart.
 */
export function exitStatusOf(code: ErrorCode, command: string | undefined): number {
  const status = EXIT_STATUS[code];
  if (command === undefined || !AROUND_PROCESSES.has(command)) return status;
  return status > AROUND_A_PROCESS ? status : AROUND_A_PROCESS;
}
