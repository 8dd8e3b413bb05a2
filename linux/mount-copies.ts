import { constants } from "node:fs";
import { checked } from "./errno.js";
import { enterMountNamespace } from "./namespaces.js";
import { declare } from "./native-library.js";
import { AT_FDCWD, closeDescriptor, O_CLOEXEC, openAt } from "./open-at.js";
import { withWorkingDirectory } from "./working-directory.js";

const openTree = declare("long syscall(long number, long directory, const void *path, long flags)");

const OPEN_TREE = 428;
/** From linux/mount.h. */
const OPEN_TREE_CLONE = 1;

/**
 * Copies mounts of another process's mount namespace: the same filesystem in memory, with what it has cached, for as long as either stands.
 * The calling thread has to have a mount namespace of its own.
 *
 * @param pid On this machine. @param paths Mount points there: bytes in latin1, absolute.
 * @returns A descriptor of each copy, which stands nowhere yet, in the order of `paths`.
 * @throws SystemCallError ENOENT, EINVAL when the process, or a mount, is gone.
 */
export function copyMounts(pid: number, paths: readonly string[]): readonly number[] {
  // Entering a namespace leads to its root.
  return withWorkingDirectory("/", () => copyThere(pid, paths));
}

/**
 * Copies one mount of this process's namespace, without what is mounted below it: there stand the directories that those hide.
 *
 * @param path A mount point, bytes in latin1.
 * @returns A descriptor (O_PATH) of the copy's root. The copy stands nowhere, and ends with the descriptor.
 * @throws SystemCallError EPERM without the privilege.
 */
export function copyMount(path: string): number {
  const name = Buffer.from(`${path}\0`, "latin1");
  return checked(openTree(OPEN_TREE, AT_FDCWD, name, OPEN_TREE_CLONE | O_CLOEXEC), "open_tree", path);
}

function copyThere(pid: number, paths: readonly string[]): readonly number[] {
  const own = openAt(AT_FDCWD, "/proc/thread-self/ns/mnt", constants.O_RDONLY | O_CLOEXEC);
  const copies: number[] = [];
  try {
    const other = openAt(AT_FDCWD, `/proc/${pid}/ns/mnt`, constants.O_RDONLY | O_CLOEXEC);
    try {
      enterMountNamespace(other);
      try {
        for (const path of paths) {
          const name = Buffer.from(`${path}\0`, "latin1");
          copies.push(checked(openTree(OPEN_TREE, AT_FDCWD, name, OPEN_TREE_CLONE | O_CLOEXEC), "open_tree", path));
        }
      } finally {
        enterMountNamespace(own);
      }
    } finally {
      closeDescriptor(other);
    }
    return copies;
  } catch (error) {
    copies.forEach(closeDescriptor);
    throw error;
  } finally {
    closeDescriptor(own);
  }
}
