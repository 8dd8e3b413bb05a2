import { enterUserNamespace } from "../rootless/enter-user-namespace.js";
import { ContainerDirectory } from "./container-directory.js";
import { livingProcess, livingSupervisor } from "./container-process.js";
import { containerIds } from "./stored-containers.js";

/**
 * Starts this command anew in the user namespace of these containers, where that is needed: see `enterUserNamespace`.
 *
 * @param directory The containers' directory, absolute. @param onSingleOwner Hears, once a store, why files have one owner alone.
 * @throws VarveError RUNTIME_MISSING, MOUNT_UNAVAILABLE, PERMISSION.
 */
export function enterNamespaceOf(directory: string, onSingleOwner: (reason: string) => void): void {
  enterUserNamespace({ directory, onSingleOwner, findMember: () => processOn(directory) });
}

function processOn(containers: string): number | undefined {
  for (const id of containerIds(containers)) {
    const directory = new ContainerDirectory(containers, id);
    const pid = livingSupervisor(directory) ?? livingProcess(directory);
    if (pid !== undefined) return pid;
  }
  return undefined;
}
