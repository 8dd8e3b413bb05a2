import { constants } from "node:fs";
import type { OpenedRoot } from "../../core/ports/containers.js";
import { hasCode } from "../../linux/errno.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import type { ContainerDirectory } from "./container-directory.js";
import { isRootedOn, livingProcess } from "./container-process.js";

/** `Containers.openRoot`. */
export function openProcessRoot(directory: ContainerDirectory): OpenedRoot | undefined {
  const pid = livingProcess(directory);
  if (pid === undefined) return undefined;
  let held: number | undefined;
  try {
    // Of this very process: were its number used again, the root would be another's, this machine's own perhaps.
    held = openAt(AT_FDCWD, `/proc/${pid}`, O_PATH | constants.O_DIRECTORY);
    // A process that the runtime has not yet put on the overlay sees this machine's root.
    if (!isRootedOn(`/proc/self/fd/${held}`, directory.id)) return undefined;
    const root = openAt(held, "root", O_PATH | constants.O_DIRECTORY);
    return { path: `/proc/self/fd/${root}`, close: () => closeDescriptor(root) };
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  } finally {
    if (held !== undefined) closeDescriptor(held);
  }
}
