import { VarveError } from "../../core/errors.js";
import { isAlmostFull } from "./almost-full-disk.js";
import { commandNotExecutable, commandNotFound } from "../rootfs/command-lookup.js";

/** The messages of level `error` of an OCI runtime's `--log-format json` log, oldest first. Lines of another form are passed over. */
export function runtimeErrors(log: string): readonly string[] {
  return log.split("\n").flatMap((line) => {
    try {
      const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
      return typeof msg === "string" && (level === "error" || level === "fatal") ? [msg] : [];
    } catch {
      return [];
    }
  });
}

/**
 * What runc, crun and youki say of a command that can't be started, and docker's exit status for it. The exec itself comes last in a
 * start, so that text about a missing or forbidden file that follows `exec` is about the command.
 */
const NOT_FOUND = /executable file (not found|`.*` not found)|exec:? .*no such file or directory|failed to find .*executable/i;
const NOT_EXECUTABLE =
  /exec:? .*(permission denied|(is|not) a directory|too many levels of symbolic links|exec format error)|open executable: permission denied|exec format error/i;

/** Before the exec, which they name first. */
const NO_DIRECTORY = /\bchdir\b.*(no such file or directory|not a directory)/i;

/** runc puts paths of namespaces into a list with commas between. */
const COMMA = /invalid namespace path .*,/;

const DISK_FULL = /no space left on device|disk quota exceeded/i;

/** What runc says first, whatever the reason. */
const PREAMBLE = /^(runc run|runc create|exec) failed: (unable to start container process: )?(error during container init: )?/;

/**
 * @param command The process's first word.
 * @param errors Of `runtimeErrors`.
 * @param directory Where the runtime keeps its state: on a full disk its words may tell nothing of that, or are not there.
 * @returns COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, DISK_FULL, UNSUPPORTED, or RUNTIME_FAILED with the runtime's own words.
 */
export function runtimeFailure(command: string, errors: readonly string[], runtime: string, directory: string): VarveError {
  const text = errors.at(-1)?.replace(PREAMBLE, "") ?? "it says nothing";
  const cause = new TypeError(errors.join("\n"));
  if (NO_DIRECTORY.test(text)) {
    return new VarveError(
      "COMMAND_NOT_EXECUTABLE",
      "Cannot start the process: its working directory is not there, or is no directory",
      {
        hint: "Name another with -w.",
        cause,
      },
    );
  }
  if (NOT_FOUND.test(text)) return commandNotFound(command, "it, or the interpreter that it names, is not there", cause);
  if (NOT_EXECUTABLE.test(text)) return commandNotExecutable(command, "its file is no program that may be executed", cause);
  const said = `${runtime} says "${text}"`;
  const isTold = DISK_FULL.test(text);
  if (isTold || isAlmostFull(directory)) {
    const state = isTold ? said : `almost no space is left on the store's disk, and ${said}`;
    return new VarveError("DISK_FULL", `Cannot start the container's process: ${state}`, {
      hint: "Free some space on the store's disk, then run the command again.",
      cause,
    });
  }
  if (COMMA.test(text)) {
    return new VarveError(
      "UNSUPPORTED",
      `Cannot tie the container to a network: ${runtime} takes no path with a comma, and the store's has one`,
      { hint: "Move the store to a path without one. With --network none or host the container can run.", cause },
    );
  }
  return new VarveError("RUNTIME_FAILED", `Cannot start the container's process: ${said}`, {
    hint: '"varve doctor" tells whether this machine can run containers.',
    cause,
  });
}

/** Whether the failure is that of the last step, the exec: then the runtime already counted the process as started. */
export function isExecFailure(errors: readonly string[]): boolean {
  const text = errors.at(-1) ?? "";
  return /\bexec\b/.test(text) && (NOT_FOUND.test(text) || NOT_EXECUTABLE.test(text));
}
