import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { S_IFDIR, S_IFMT, S_IFREG } from "../../linux/stat.js";
import { isWithin, SYSTEM_PLACES } from "./path-destination.js";
import { programFormat, type ProgramFormat } from "./program-interpreter.js";

const EXECUTABLE = 0o111;
/** exec_binprm() of Linux's fs/exec.c: one more interpreter of an interpreter is ELOOP. */
const MOST_SCRIPTS = 5;

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
  const { command, workingDirectory, volumes, tmpfs = [] } = configuration;
  const [name = ""] = command;
  if (name === "") throw new VarveError("COMMAND_NOT_FOUND", "Cannot run an empty command: expected a program's name");
  const chosen = [...volumes, ...tmpfs].map(({ destination }) => destination);
  const lookup = { name, workingDirectory, root, mounted: [...SYSTEM_PLACES, ...chosen], hasVolumes: chosen.length > 0 };
  const file = name.includes("/")
    ? path.posix.resolve("/", workingDirectory, name)
    : search(name, searchPath, workingDirectory, root);
  if (file !== undefined) checkProgram(file, lookup);
  // A volume may be a folder of PATH, or what a symlink in one leads to.
  else if (!lookup.hasVolumes) throw commandNotFound(name, `no folder of its PATH has it (${searchPath})`);
}

interface Lookup {
  /** Of the command, as it was given. */
  readonly name: string;
  readonly workingDirectory: string;
  readonly root: RootView;
  /** What will be mounted over the root's own. */
  readonly mounted: readonly string[];
  readonly hasVolumes: boolean;
}

/** Follows scripts to their interpreters, as the kernel does. */
function checkProgram(command: string, lookup: Lookup): void {
  let file: string | undefined = command;
  for (let scripts = 0; file !== undefined && isPlainFile(file, file === command && scripts === 0, lookup); scripts++) {
    const { kind, interpreter } = programFormat(lookup.root.headOf(file));
    const problem = PROBLEMS[kind];
    if (problem !== undefined && !lookup.root.hasOtherFormats) throw commandNotExecutable(lookup.name, problem);
    if (kind === "script" && scripts === MOST_SCRIPTS) {
      throw commandNotExecutable(lookup.name, `more than ${MOST_SCRIPTS} scripts name each other as interpreters`);
    }
    file = interpreter === undefined ? undefined : path.posix.resolve("/", lookup.workingDirectory, interpreter);
    // A loader needs none itself.
    if (kind === "elf" && file !== undefined) return void isPlainFile(file, false, lookup);
  }
}

const PROBLEMS: Readonly<Partial<Record<ProgramFormat["kind"], string>>> = {
  foreign: "its file is no ELF program of this machine's processor",
  unknown: "its file is neither an ELF program nor a script",
};

/** @returns False when nothing can be told of it yet. @throws VarveError. */
function isPlainFile(file: string, isCommand: boolean, { name, root, mounted, hasVolumes }: Lookup): boolean {
  if (mounted.some((folder) => isWithin(file, folder))) return false;
  const subject = isCommand ? "" : `the interpreter that it names, "${file}", `;
  const mode = root.modeOf(file);
  if (mode === undefined) {
    if (hasVolumes) return false;
    throw commandNotFound(name, isCommand ? "the container has no such file" : `${subject}is not there`);
  }
  const obstacle = obstacleOf(mode, isCommand && /\/\.?$/.test(name));
  if (obstacle !== undefined) throw commandNotExecutable(name, `${subject || "it "}${obstacle}`);
  return true;
}

/** @param asDirectory Whether the name ends with a slash. */
function obstacleOf(mode: number, asDirectory: boolean): string | undefined {
  if ((mode & S_IFMT) === S_IFDIR) return "is a directory";
  if (asDirectory) return "is no directory, though its name ends as one";
  if ((mode & S_IFMT) !== S_IFREG) return "is no regular file";
  return (mode & EXECUTABLE) === 0 ? "has no execute permission" : undefined;
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

export function commandNotFound(name: string, state: string, cause?: unknown): VarveError {
  return new VarveError("COMMAND_NOT_FOUND", `Cannot run "${name}" in the container: ${state}`, { cause });
}

export function commandNotExecutable(name: string, state: string, cause?: unknown): VarveError {
  return new VarveError("COMMAND_NOT_EXECUTABLE", `Cannot run "${name}" in the container: ${state}`, { cause });
}
