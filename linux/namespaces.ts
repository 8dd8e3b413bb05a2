import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { mount, MS_REC, MS_SLAVE } from "./mount.js";

const unshare = declare("int unshare(int flags)");

/** From linux/sched.h. */
const CLONE_NEWNS = 0x00020000;

let entered = false;

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
  checked(unshare(CLONE_NEWNS), "unshare");
  mount({ source: "none", target: "/", type: "none", flags: MS_REC | MS_SLAVE });
  entered = true;
}
