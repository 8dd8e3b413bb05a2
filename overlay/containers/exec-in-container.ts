import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isatty } from "node:tty";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { containerEvent } from "../../core/events/container-event.js";
import { randomId } from "../../core/model/random-id.js";
import type { ContainerRecord, ExecConfiguration, ProcessResult } from "../../core/ports/containers.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { saveTerminal, terminalSize } from "../../linux/terminal.js";
import { configurationText } from "../runtime/configuration-text.js";
import { startExec, type OciRuntime } from "../runtime/oci-runtime.js";
import { ownCapabilities } from "../runtime/process-privileges.js";
import { runtimeErrors, runtimeFailure } from "../runtime/runtime-log.js";
import { execProcess } from "../runtime/runtime-configuration.js";
import { notRunning } from "./background.js";
import { checkProgram } from "./check-program.js";
import type { ContainerDirectory } from "./container-directory.js";
import { livingProcess } from "./container-process.js";
import { requireUnpaused } from "./pause-container.js";
import type { OnEvent } from "./prepare-run.js";
import { checkWorkingDirectory } from "./run-places.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export interface ExecPlace {
  readonly directory: ContainerDirectory;
  readonly record: ContainerRecord;
  readonly runtime: OciRuntime;
  readonly onEvent: OnEvent;
}

/** `Containers.exec`. */
export async function execInContainer(
  { directory, record, runtime, onEvent }: ExecPlace,
  exec: ExecConfiguration,
): Promise<ProcessResult> {
  const pid = livingProcess(directory);
  if (pid === undefined) throw notRunning("run a process in", record.name);
  await requireUnpaused(directory, record.name);
  requireTerminal(exec);
  const { configuration } = record;
  const merged = {
    ...configuration,
    command: exec.command,
    environment: [...configuration.environment, ...exec.environment],
    workingDirectory: exec.workingDirectory ?? configuration.workingDirectory,
    user: exec.user ?? configuration.user,
    terminal: exec.terminal,
  };
  const root = openAt(AT_FDCWD, `/proc/${pid}/root`, O_PATH);
  // A name of its own: several may start in one container at once.
  const base = path.join(directory.file("runtime"), `exec-${randomId(6)}`);
  const [file, log] = [`${base}.json`, `${base}.log`];
  const restoreTerminal = exec.terminal && isatty(0) ? saveTerminal(0) : undefined;
  try {
    checkWorkingDirectory(merged, root);
    const user = checkProgram(merged, root);
    // runc goes to the root's path first, which stands in the mount namespace of the run alone.
    mkdirSync(directory.mountPoint, { recursive: true, mode: 0o700 });
    const machine = { available: ownCapabilities(), cgroups: runtime.cgroups, terminalSize: terminalSize(1) ?? terminalSize(2) };
    writeFileSync(file, configurationText(execProcess(merged, user, machine)), { mode: 0o600 });
    const begin = performance.now();
    const paths = { state: directory.file("runtime"), process: file, log };
    const child = startExec(runtime, paths, record.id, exec);
    onEvent(containerEvent("exec", record, { command: exec.command.join(" ") }));
    // The runtime hands them on to the process. It stands in a session of its own, or reads the keys itself: none comes twice.
    const handOn = (signal: NodeJS.Signals): void => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, handOn);
    const status = await child.ended.finally(() => SIGNALS.forEach((signal) => process.off(signal, handOn)));
    const durationMilliseconds = performance.now() - begin;
    const errors = runtimeErrors(existsSync(log) ? readFileSync(log, "utf8") : "");
    if (errors.length > 0 && status !== 0) throw failure(directory, record, exec, errors, runtime);
    if (!exec.detached) onEvent(containerEvent("exec_die", record, { exitCode: String(status) }));
    return { exitCode: status, durationMilliseconds };
  } finally {
    restoreTerminal?.();
    closeDescriptor(root);
    for (const each of [file, log]) rmSync(each, { force: true });
  }
}

/** A container that ended meanwhile has no process to join. */
function failure(
  directory: ContainerDirectory,
  { name }: ContainerRecord,
  { command }: ExecConfiguration,
  errors: readonly string[],
  runtime: OciRuntime,
): VarveError {
  if (livingProcess(directory) === undefined) return notRunning("run a process in", name);
  return runtimeFailure(command[0] ?? "", errors, runtime.name, directory.path);
}

function requireTerminal({ terminal, interactive, detached }: ExecConfiguration): void {
  if (!terminal || detached || (interactive ? isatty(0) : [0, 1, 2].some(isatty))) return;
  throw new VarveError("USAGE", "Cannot give the process a terminal: the input device is not a terminal", {
    hint: "Leave out -t when input comes from a pipe or a file.",
  });
}
