import { constants } from "node:fs";
import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { mount, MS_REC, MS_SLAVE } from "./mount.js";
import { AT_FDCWD, closeDescriptor, openAt } from "./open-at.js";
import { withWorkingDirectory } from "./working-directory.js";

const unshare = declare("int unshare(int flags)");
const setns = declare("int setns(int descriptor, int type)");

/** From linux/sched.h. */
const CLONE_NEWNS = 0x00020000;
const CLONE_NEWNET = 0x40000000;
const CLONE_FS = 0x00000200;

let entered = false;
/** The mount namespace that this thread has left. */
let outside: number | undefined;

/**
 * Gives this thread, and every process that it starts from now on, a mount namespace of its own: what is mounted in it nobody else
 * sees, and the kernel unmounts it when the last of these processes has ended, whatever ended it. Mounts made or removed outside still
 * come in; none goes out. May be repeated.
 *
 * Only the calling thread moves: Node's thread pool (`fs.promises`) keeps the view of before, `*Sync` calls on the main thread have the new one.
 *
 * @throws SystemCallError EPERM without CAP_SYS_ADMIN.
 */
export function enterPrivateMountNamespace(): void {
  if (entered) return;
  outside = openAt(AT_FDCWD, "/proc/thread-self/ns/mnt", constants.O_RDONLY);
  leaveMountNamespace();
  entered = true;
}

/**
 * Runs `work` in a mount namespace that ends with it: what is mounted meanwhile nobody else sees, and nothing of it stays, whatever ends this
 * process. Descriptors of detached mounts outlive it. The working directory is `/` afterwards.
 *
 * @throws SystemCallError EPERM without CAP_SYS_ADMIN.
 */
export function inPassingMountNamespace<T>(work: () => T): T {
  const before = openAt(AT_FDCWD, "/proc/thread-self/ns/mnt", constants.O_RDONLY);
  try {
    leaveMountNamespace();
    try {
      return work();
    } finally {
      enterMountNamespace(before);
    }
  } finally {
    closeDescriptor(before);
  }
}

/**
 * Runs `work` in the mount namespace that `enterPrivateMountNamespace` left: what it starts, and leaves running, keeps no mount of ours alive. Its
 * working directory is `/`.
 */
export function outsidePrivateMounts<T>(work: () => T): T {
  if (outside === undefined) return work();
  const namespace = outside;
  const inside = openAt(AT_FDCWD, "/proc/thread-self/ns/mnt", constants.O_RDONLY);
  try {
    return withWorkingDirectory("/", () => {
      enterMountNamespace(namespace);
      try {
        return work();
      } finally {
        enterMountNamespace(inside);
      }
    });
  } finally {
    closeDescriptor(inside);
  }
}

/**
 * Makes a network namespace, in which there is nothing but a loopback device that is down. It lasts as long as a process, a mount or the descriptor.
 *
 * @returns A descriptor, for the caller to close.
 * @throws SystemCallError EPERM without CAP_SYS_ADMIN.
 */
export function makeNetworkNamespace(): number {
  const before = openAt(AT_FDCWD, "/proc/thread-self/ns/net", constants.O_RDONLY);
  try {
    checked(unshare(CLONE_NEWNET), "unshare");
    try {
      return openAt(AT_FDCWD, "/proc/thread-self/ns/net", constants.O_RDONLY);
    } finally {
      checked(setns(before, CLONE_NEWNET), "setns");
    }
  } finally {
    closeDescriptor(before);
  }
}

function leaveMountNamespace(): void {
  checked(unshare(CLONE_NEWNS), "unshare");
  mount({ source: "none", target: "/", type: "none", flags: MS_REC | MS_SLAVE });
}

/**
 * Moves this thread to the mount namespace of a descriptor, and to its root. The kernel refuses it to a thread that shares root and working
 * directory, and the threads of Node's pool, which start when it is first used, share them with the one that starts them.
 */
export function enterMountNamespace(namespace: number): void {
  checked(unshare(CLONE_FS), "unshare");
  checked(setns(namespace, CLONE_NEWNS), "setns");
}
