import path from "node:path";
import { VarveError } from "../core/errors.js";
import type { RunConfiguration } from "../core/ports/containers.js";
import { S_IFDIR, S_IFMT } from "../linux/stat.js";

const EXECUTABLE = 0o111;
const MOUNTED_LATER = ["/proc", "/sys", "/dev"];

/**
 * Fails early where the command's file certainly can't be started, before a runtime is asked, whose words for it differ.
 * What may come from a volume is left to the runtime.
 *
 * @param modeOf Type and permission bits of a path in the container; `undefined` when it leads to nothing.
 * @throws VarveError COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE.
 */
export function checkCommand(
  { command, workingDirectory, volumes }: RunConfiguration,
  searchPath: string,
  modeOf: (path: string) => number | undefined,
): void {
  const [name = ""] = command;
  if (name === "") throw new VarveError("COMMAND_NOT_FOUND", "Cannot run an empty command: expected a program's name");
  if (!name.includes("/")) {
    const found = searchPath.split(":").some((folder) => isProgram(modeOf(path.posix.join(folder || workingDirectory, name))));
    if (!found && volumes.length === 0) throw commandNotFound(name, `no folder of its PATH has it (${searchPath})`);
    return;
  }
  const file = path.posix.resolve("/", workingDirectory, name);
  if (MOUNTED_LATER.some((folder) => file.startsWith(`${folder}/`))) return;
  const mode = modeOf(file);
  if (mode === undefined) {
    if (volumes.length === 0) throw commandNotFound(name, "the container has no such file");
    return;
  }
  if (isProgram(mode) || volumes.some(({ destination }) => file.startsWith(destination))) return;
  throw commandNotExecutable(name, (mode & S_IFMT) === S_IFDIR ? "it is a directory" : "the file has no execute permission");
}

function isProgram(mode: number | undefined): boolean {
  return mode !== undefined && (mode & S_IFMT) !== S_IFDIR && (mode & EXECUTABLE) !== 0;
}

export function commandNotFound(name: string, state: string, cause?: unknown): VarveError {
  return new VarveError("COMMAND_NOT_FOUND", `Cannot run "${name}" in the container: ${state}`, { cause });
}

export function commandNotExecutable(name: string, state: string, cause?: unknown): VarveError {
  return new VarveError("COMMAND_NOT_EXECUTABLE", `Cannot run "${name}" in the container: ${state}`, { cause });
}
