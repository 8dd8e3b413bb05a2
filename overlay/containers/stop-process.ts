import os from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { freezerOf } from "../runtime/cgroups.js";
import type { ContainerDirectory } from "./container-directory.js";
import { livingProcess, sendSignal, signalDisposition } from "./container-process.js";

const POLL_MILLISECONDS = 5;

export interface StopOptions {
  /** What asks the process to end. */
  readonly signal?: number | undefined;
  /** Told of each signal, before it is sent. */
  readonly onSignal?: (signal: number) => void;
}

/**
 * Asks a container's process to end, then kills it after the grace period. One that does not handle the signal is killed at once: as the
 * first process of its namespace it would never notice the signal. Resolves when it is gone.
 */
export async function stopProcess(
  directory: ContainerDirectory,
  graceMilliseconds: number,
  { signal = os.constants.signals.SIGTERM, onSignal }: StopOptions = {},
): Promise<void> {
  const pid = livingProcess(directory);
  if (pid === undefined) return;
  if (signalDisposition(pid, signal) === "handled") {
    onSignal?.(signal);
    sendSignal(pid, signal);
    freezerOf(directory.id)?.thaw();
    if (await isGone(directory, graceMilliseconds)) return;
  }
  onSignal?.(os.constants.signals.SIGKILL);
  sendSignal(pid, "SIGKILL");
  // A frozen process of cgroup version 1 dies when it thaws, not before.
  freezerOf(directory.id)?.thaw();
  await isGone(directory, Infinity);
}

async function isGone(directory: ContainerDirectory, withinMilliseconds: number): Promise<boolean> {
  const end = performance.now() + withinMilliseconds;
  while (livingProcess(directory) !== undefined) {
    if (performance.now() > end) return false;
    await pause(POLL_MILLISECONDS);
  }
  return true;
}
