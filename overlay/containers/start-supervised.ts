import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { VarveError } from "../../core/errors.js";
import { containerEvent } from "../../core/events/container-event.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { removeTree } from "../../linux/unlink.js";
import { startCreated } from "../runtime/oci-runtime.js";
import { runtimeFailure } from "../runtime/runtime-log.js";
import { createSupervised, requireConmon, type SupervisedRun } from "../supervisor/conmon.js";
import { latin1, type ContainerDirectory } from "./container-directory.js";
import { livingSupervisor } from "./container-process.js";
import { clearRun, hasStarted, loggedErrors, withPreparedRun, type RunRequest } from "./prepare-run.js";

/**
 * `Containers.start` for a container that is not running, under its lock: conmon keeps the process from now on, and this process's mount namespace
 * lives on in it.
 *
 * @param endCommand Run when the process has ended.
 */
export async function startSupervised(request: RunRequest, endCommand: readonly string[] | undefined): Promise<void> {
  const { directory, roots } = request;
  const conmon = requireConmon();
  try {
    await withPreparedRun(request, (lifeline) => startProcess(request, conmon, { endCommand, lifeline }));
  } catch (error) {
    const supervisor = livingSupervisor(directory);
    clearRun(directory);
    // It notes how the process ended, which no process did.
    if (supervisor !== undefined) await endOf(supervisor);
    directory.forgetExitCode();
    roots.unmount(directory.id);
    throw error;
  }
}

const POLL_MILLISECONDS = 5;
const ATTEMPTS = 400;

async function endOf(pid: number): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS && existsSync(`/proc/${pid}`); attempt++) await pause(POLL_MILLISECONDS);
}

async function startProcess(
  { directory, stored: { record }, runtime, onEvent }: RunRequest,
  conmon: string,
  given: Pick<SupervisedRun, "endCommand" | "lifeline">,
): Promise<void> {
  const { terminal, interactive, command, background } = record.configuration;
  const state = directory.file("runtime");
  const runtimeLog = directory.file("runtime.log");
  prepareOutput(directory);
  const pid = await createSupervised({
    conmon,
    runtime,
    id: record.id,
    name: record.name,
    bundle: directory.path,
    state,
    runtimeLog,
    pidFile: directory.file("pid"),
    conmonPidFile: directory.file("conmon.pid"),
    log: directory.file("log"),
    logBytes: background?.logBytes,
    exits: directory.exits,
    terminal,
    interactive,
    ...given,
  });
  const failed = (): VarveError => runtimeFailure(command[0] ?? "", loggedErrors(directory), runtime.name, directory.path);
  if (pid === undefined) throw failed();
  const status = startCreated(runtime, { state, log: runtimeLog }, record.id);
  if (status !== 0 || !hasStarted(directory)) throw failed();
  onEvent?.(containerEvent("start", record));
}

/** conmon, which is root, would write through a symlink that somebody left in a copied store. */
function prepareOutput(directory: ContainerDirectory): void {
  const log = lstatSync(directory.file("log"), { throwIfNoEntry: false });
  if (log !== undefined && !log.isFile()) removeTree(AT_FDCWD, latin1(directory.file("log")));
  const exits = lstatSync(directory.exits, { throwIfNoEntry: false });
  if (exits !== undefined && !exits.isDirectory()) rmSync(directory.exits, { force: true });
  mkdirSync(directory.exits, { recursive: true, mode: 0o700 });
  directory.forgetExitCode();
}
