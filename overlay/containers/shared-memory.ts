import { VarveError } from "../../core/errors.js";
import type { Namespaces } from "../../core/ports/isolation.js";
import { SystemCallError } from "../../linux/errno.js";
import { copyMounts } from "../../linux/mount-copies.js";
import type { MountedRoots } from "../mounts/mounted-roots.js";
import { processToJoin } from "./joined-namespaces.js";

const SHARED_MEMORY = "/dev/shm";

/**
 * Mounts the /dev/shm of the container whose ipc namespace is joined beside a container's root: POSIX shared memory and semaphores are files there.
 *
 * @param containers The containers' directory. @param id Of the container that joins. @returns Where it is; `undefined` when none is joined.
 * @throws VarveError TARGET_UNKNOWN, CONTAINER_STOPPED.
 */
export function joinSharedMemory(
  { containers, roots, id }: { readonly containers: string; readonly roots: MountedRoots; readonly id: string },
  { ipc }: Namespaces,
): string | undefined {
  const [, other] = /^container:(.*)$/s.exec(ipc ?? "") ?? [];
  if (other === undefined) return undefined;
  const [copy] = copyOf(processToJoin(containers, other, "ipc"), other);
  return roots.attachBeside(copy!, id);
}

function copyOf(pid: number, name: string): readonly number[] {
  try {
    return copyMounts(pid, [SHARED_MEMORY]);
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw new VarveError("CONTAINER_STOPPED", `Cannot share ${SHARED_MEMORY} of container "${name}": it has none any more`, {
      hint: "Its process has ended just now, or has unmounted it: start that container anew.",
      cause,
    });
  }
}
