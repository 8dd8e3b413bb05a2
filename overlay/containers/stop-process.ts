import os from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { freezerOf } from "../runtime/cgroups.js";
import type { ContainerDirectory } from "./container-directory.js";
import { livingProcess, sendSignal, signalDisposition } from "./container-process.js";

const POLL_MILLISECONDS = 5;

/**
 * Asks a container's process to end, then kills it after the grace period. One that does not handle the signal is killed at once: as the
 * first process of its namespace it would never notice the signal. Resolves when it is gone.
 */
export async function stopProcess(
  directory: ContainerDirectory,
  graceMilliseconds: number,
  signal: number = os.constants.signals.SIGTERM,
): Promise<void> {
  const pid = livingProcess(directory);
  if (pid === undefined) return;
  if (signalDisposition(pid, signal) === "handled") {
    sendSignal(pid, signal);
    freezerOf(directory.id)?.thaw();
    if (await isGone(directory, graceMilliseconds)) return;
  }
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
