import { lstatSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { VarveError } from "../../core/errors.js";
import type { ContainerRecord, LogPiece, LogQuery, Restarts } from "../../core/ports/containers.js";
import { yieldToSignals } from "../../core/yield-to-signals.js";
import { hasCode } from "../../linux/errno.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { readLog } from "../supervisor/container-log.js";
import type { ContainerDirectory } from "./container-directory.js";
import { livingProcess, livingSupervisor, sendSignal } from "./container-process.js";

const POLL_MILLISECONDS = 20;
/** The supervisor, or the command that ran it in the foreground, notes the exit code a moment after the process is gone. */
const NOTE_MILLISECONDS = 5000;
const LARGEST_NOTE_BYTES = 4096;

/** `Containers.wait`. @throws VarveError INTERRUPTED: the process goes on. */
export async function waitUntilSignal(directory: ContainerDirectory): Promise<number | undefined> {
  while (livingProcess(directory) !== undefined) {
    await pause(POLL_MILLISECONDS);
    await yieldToSignals();
  }
  return waitForEnd(directory);
}

/** For one that hands signals on to the process, and so has to see how that ends. */
export async function waitForEnd(directory: ContainerDirectory): Promise<number | undefined> {
  while (livingProcess(directory) !== undefined) await pause(POLL_MILLISECONDS);
  for (const end = performance.now() + NOTE_MILLISECONDS; ; await pause(POLL_MILLISECONDS)) {
    const exitCode = directory.readExitCode();
    if (exitCode !== undefined) return exitCode;
    if (!mayBeNoted(directory) || performance.now() > end) return directory.readExitCode();
  }
}

/** Whether somebody who would note the exit code is still there: the supervisor, or the command that holds the container's lock. */
function mayBeNoted(directory: ContainerDirectory): boolean {
  if (livingSupervisor(directory) !== undefined) return true;
  try {
    const release = directory.tryLock();
    release?.();
    return release === undefined;
  } catch (error) {
    // Removed meanwhile.
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** `Containers.kill`. */
export function killProcess(directory: ContainerDirectory, name: string, signal: NodeJS.Signals): void {
  const pid = livingProcess(directory);
  if (pid === undefined || !sendSignal(pid, signal)) throw notRunning("send a signal to", name);
}

export function notRunning(action: string, name: string): VarveError {
  return new VarveError("CONTAINER_STOPPED", `Cannot ${action} container "${name}": it does not run`, {
    hint: `Start it with "varve start ${name}".`,
  });
}

/** `Containers.log`. */
export function readOutput(
  directory: ContainerDirectory,
  record: ContainerRecord,
  { follow = false, tail }: LogQuery,
): AsyncIterable<LogPiece> {
  requireBackground(record, "show the output of");
  // The supervisor writes the last of it after the process is gone.
  const isOver = (): boolean => livingProcess(directory) === undefined && livingSupervisor(directory) === undefined;
  return readLog(directory.file("log"), { tail, ...(follow ? { isOver } : {}) });
}

/** @throws VarveError UNSUPPORTED. */
export function requireBackground({ name, configuration }: ContainerRecord, action: string): void {
  if (configuration.background !== undefined) return;
  throw new VarveError(
    "UNSUPPORTED",
    `Cannot ${action} container "${name}": its process has the terminal that it is started on`,
    {
      hint: 'Only the output of containers that were made with "varve run -d" or "varve create" is kept.',
    },
  );
}

export function readRestarts(directory: ContainerDirectory): Restarts {
  try {
    const text = readRegularFile(directory.file("restarts.json"), { largest: LARGEST_NOTE_BYTES }).toString("utf8");
    const { count, stopped } = JSON.parse(text) as { readonly count?: unknown; readonly stopped?: unknown };
    return { count: Number.isSafeInteger(count) ? Math.max(0, count as number) : 0, stopped: stopped === true };
  } catch {
    return { count: 0, stopped: false };
  }
}

/** Whole at any time. That a person stopped it is made durable: after a power cut it is not to be started again. */
export function writeRestarts(directory: ContainerDirectory, restarts: Restarts): void {
  const file = directory.file("restarts.json");
  // Several commands may stop one at once.
  const scratch = `${file}.${process.pid}`;
  rmSync(scratch, { force: true });
  try {
    writeFileSync(scratch, JSON.stringify(restarts), { mode: 0o600, flag: "wx", flush: restarts.stopped });
    renameSync(scratch, file);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
  if (restarts.stopped) directory.sync();
}

/** From the note of its pid, at the start, to that of its exit code. 0 when one of them is missing. */
export function ranMilliseconds(directory: ContainerDirectory): number {
  const begin = lstatSync(directory.file("pid"), { throwIfNoEntry: false })?.mtimeMs;
  const end = lstatSync(path.join(directory.exits, directory.id), { throwIfNoEntry: false })?.mtimeMs;
  return begin === undefined || end === undefined ? 0 : Math.max(0, end - begin);
}
