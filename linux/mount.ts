import { checked } from "./errno.js";
import { declare } from "./native-library.js";

const mount2 = declare(
  "int mount(const void *source, const void *target, const void *type, unsigned long flags, const void *data)",
);
const umount2 = declare("int umount2(const void *target, int flags)");

/** From linux/mount.h. */
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_REMOUNT = 32;
export const MS_NOATIME = 1024;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_PRIVATE: number = 1 << 18;
export const MS_SLAVE: number = 1 << 19;

/** Takes the mount out of the tree at once; it ends when nobody uses it any more. */
export const MNT_DETACH = 2;
/** Does not follow a symlink at the end. */
const UMOUNT_NOFOLLOW = 8;

export interface MountCall {
  /** Paths are bytes in latin1. */
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags?: number;
  /** The filesystem's own options, at most 4095 bytes. */
  readonly data?: string;
}

/** mount(2). For more options than a page holds see `openMount`. @throws SystemCallError. */
export function mount({ source, target, type, flags = 0, data = "" }: MountCall): void {
  checked(mount2(cString(source), cString(target), cString(type), flags, cString(data)), "mount", target);
}

/** umount2(2); a symlink is not followed. @throws SystemCallError EINVAL when nothing is mounted there. */
export function unmount(target: string, flags = 0): void {
  checked(umount2(cString(target), flags | UMOUNT_NOFOLLOW), "umount2", target);
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "latin1");
}
