import { existsSync } from "node:fs";
import { pauseThread } from "../pause-thread.js";
import { containerBusy, type ContainerDirectory } from "./container-directory.js";
import { livingProcess, livingSupervisor } from "./container-process.js";
import { removedMeanwhile, whileThere } from "./removed-meanwhile.js";

/** Takes the lock of a container that does not run. @returns Gives it back. @throws VarveError CONTAINER_RUNNING, TARGET_UNKNOWN. */
export function lockIdle(directory: ContainerDirectory, action: string, name: string): () => void {
  if (livingProcess(directory) !== undefined) throw containerBusy(action, name);
  const release = lockExisting(directory, action, name);
  waitForSupervisor(directory);
  if (livingProcess(directory) === undefined) return release;
  release();
  throw containerBusy(action, name);
}

/** Whoever held the lock may have removed the container, and the lock with it. */
function lockExisting(directory: ContainerDirectory, action: string, name: string): () => void {
  const release = whileThere(directory, name, () => directory.lock(action, name));
  if (existsSync(directory.path)) return release;
  release();
  throw removedMeanwhile(name);
}

const SUPERVISOR_ATTEMPTS = 1000;
const SUPERVISOR_PAUSE_MILLISECONDS = 5;

/** It notes how the process ended, and ends then. */
export function waitForSupervisor(directory: ContainerDirectory): void {
  for (let attempt = 0; attempt < SUPERVISOR_ATTEMPTS; attempt++) {
    if (livingProcess(directory) !== undefined || livingSupervisor(directory) === undefined) return;
    pauseThread(SUPERVISOR_PAUSE_MILLISECONDS);
  }
}
