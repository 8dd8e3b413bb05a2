import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { S_IFDIR, S_IFMT } from "../../linux/stat.js";
import { isWithin, SYSTEM_PLACES } from "./path-destination.js";
import { programFormat } from "./program-interpreter.js";

const EXECUTABLE = 0o111;

/** What a container's root answers about a path in it. */
export interface RootView {
  /** Type and permission bits; `undefined` when the path leads to nothing. */
  modeOf(path: string): number | undefined;
  /** The first PROGRAM_HEAD_BYTES. */
  headOf(path: string): Buffer;
  /** Whether the host starts files of formats that the kernel itself does not know (binfmt_misc). */
  readonly hasOtherFormats: boolean;
}

/**
 * Fails early where the command certainly can't be started, before a runtime is asked, whose words for it differ.
 * What may come from a volume is left to the runtime.
 *
 * @param searchPath The PATH that the process gets.
 * @throws VarveError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE.
 */
export function checkCommand(configuration: RunConfiguration, searchPath: string, root: RootView): void {
  const { command, workingDirectory, volumes } = configuration;
  const [name = ""] = command;
  if (name === "") throw new VarveError("COMMAND_NOT_FOUND", "Cannot run an empty command: expected a program's name");
  const file = name.includes("/")
    ? path.posix.resolve("/", workingDirectory, name)
    : search(name, searchPath, workingDirectory, root);
  const isElsewhere = (at: string): boolean =>
    [...SYSTEM_PLACES, ...volumes.map((volume) => volume.destination)].some((folder) => isWithin(at, folder));
  if (file === undefined) {
    // A volume may be a folder of PATH, or what a symlink in one leads to.
    if (volumes.length === 0) throw commandNotFound(name, `no folder of its PATH has it (${searchPath})`);
    return;
  }
  if (isElsewhere(file)) return;
  const mode = root.modeOf(file);
  if (mode === undefined) {
    if (volumes.length === 0) throw commandNotFound(name, "the container has no such file");
    return;
  }
  if ((mode & S_IFMT) === S_IFDIR) throw commandNotExecutable(name, "it is a directory");
  if ((mode & EXECUTABLE) === 0) throw commandNotExecutable(name, "the file has no execute permission");
  checkFormat(name, file, root, isElsewhere);
}

function search(name: string, searchPath: string, workingDirectory: string, root: RootView): string | undefined {
  return searchPath
    .split(":")
    .map((folder) => path.posix.join(folder || workingDirectory, name))
    .find((file) => isProgram(root.modeOf(file)));
}

function isProgram(mode: number | undefined): boolean {
  return mode !== undefined && (mode & S_IFMT) !== S_IFDIR && (mode & EXECUTABLE) !== 0;
}

function checkFormat(name: string, file: string, root: RootView, isElsewhere: (file: string) => boolean): void {
  const { kind, interpreter } = programFormat(root.headOf(file));
  if (kind === "unknown" && !root.hasOtherFormats)
    throw commandNotExecutable(name, "its file is neither an ELF program nor a script");
  if (interpreter === undefined || isElsewhere(interpreter) || root.modeOf(interpreter) !== undefined) return;
  throw commandNotFound(name, `the interpreter that it names, "${interpreter}", is not there`);
}

export function commandNotFound(name: string, state: string, cause?: unknown): VarveError {
  return new VarveError("COMMAND_NOT_FOUND", `Cannot run "${name}" in the container: ${state}`, { cause });
}

export function commandNotExecutable(name: string, state: string, cause?: unknown): VarveError {
  return new VarveError("COMMAND_NOT_EXECUTABLE", `Cannot run "${name}" in the container: ${state}`, { cause });
}
