import { waitForSupervisor } from "./background.js";
import { containerBusy, type ContainerDirectory } from "./container-directory.js";
import { livingProcess } from "./container-process.js";

/** Takes the lock of a container that does not run. @returns Gives it back. @throws VarveError CONTAINER_RUNNING. */
export function lockIdle(directory: ContainerDirectory, action: string, name: string): () => void {
  if (livingProcess(directory) !== undefined) throw containerBusy(action, name);
  const release = directory.lock(action, name);
  waitForSupervisor(directory);
  if (livingProcess(directory) === undefined) return release;
  release();
  throw containerBusy(action, name);
}
