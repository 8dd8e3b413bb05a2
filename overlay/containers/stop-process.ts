import os from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { freezerOf } from "../runtime/cgroups.js";
import type { ContainerDirectory } from "./container-directory.js";
import { livingProcess, sendSignal, signalDisposition } from "./container-process.js";

const POLL_MILLISECONDS = 5;

/**
 * Terminates a container's process, then kills it after the grace period. One that does not handle SIGTERM is killed at once: as the
 * first process of its namespace it would never notice the signal. Resolves when it is gone.
 */
export async function stopProcess(directory: ContainerDirectory, graceMilliseconds: number): Promise<void> {
  const pid = livingProcess(directory);
  if (pid === undefined) return;
  if (signalDisposition(pid, os.constants.signals.SIGTERM) === "handled") {
    sendSignal(pid, "SIGTERM");
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
