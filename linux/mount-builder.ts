import { checked, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { AT_FDCWD, closeDescriptor } from "./open-at.js";

// glibc has these from 2.36 on; by number they are there from Linux 5.2 on. Each parameter is a `long`, as the kernel takes it.
const fsopen = declare("long syscall(long number, const void *type, long flags)");
const fsconfig = declare("long syscall(long number, long context, long command, const void *key, const void *value, long aux)");
const fsmount = declare("long syscall(long number, long context, long flags, long attributes)");
const moveMount = declare("long syscall(long number, long from, const void *fromPath, long to, const void *toPath, long flags)");
const read = declare("int64_t read(int descriptor, void *buffer, size_t size)");

const MOVE_MOUNT = 429;
const FSOPEN = 430;
const FSCONFIG = 431;
const FSMOUNT = 432;

/** From linux/mount.h. */
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
export const MOUNT_ATTR_RDONLY = 1;
export const MOUNT_ATTR_NOSUID = 2;
export const MOUNT_ATTR_NODEV = 4;

/** Node has no name for it: what stands there is no block device. */
export const ENOTBLK = 15;

/** The kernel takes values of at most 255 bytes. */
export const LONGEST_MOUNT_VALUE = 255;

/**
 * A mount made step by step (fsopen(2), Linux 5.2): its options have no common limit in length, and each one that the kernel does
 * not know is refused by itself.
 */
export class MountBuilder {
  readonly #context: number;
  readonly #type: string;

  /** @throws SystemCallError ENODEV for an unknown filesystem, EPERM, ENOSYS. */
  constructor(type: string) {
    this.#type = type;
    this.#context = checked(fsopen(FSOPEN, cString(type), FSOPEN_CLOEXEC), "fsopen", type);
  }

  /** @throws SystemCallError EINVAL for an option or value that the filesystem does not take. */
  set(key: string, value: string): void {
    if (this.#set(key, value) === -1) throw this.#failure(lastErrno());
  }

  /** @returns False when the filesystem refuses the option. */
  trySet(key: string, value: string): boolean {
    return this.#set(key, value) !== -1;
  }

  flag(key: string): void {
    const result = fsconfig(FSCONFIG, this.#context, FSCONFIG_SET_FLAG, cString(key), null, 0);
    if (result === -1) throw this.#failure(lastErrno());
  }

  #set(key: string, value: string): number {
    return fsconfig(FSCONFIG, this.#context, FSCONFIG_SET_STRING, cString(key), cString(value), 0);
  }

  /**
   * Makes the mount, which stands nowhere yet.
   * @param attributes MOUNT_ATTR_… @returns A descriptor of it: closed, the mount is gone, unless it was attached.
   */
  create(attributes: number): number {
    const created = fsconfig(FSCONFIG, this.#context, FSCONFIG_CMD_CREATE, null, null, 0);
    if (created === -1) throw this.#failure(lastErrno());
    return checked(fsmount(FSMOUNT, this.#context, FSMOUNT_CLOEXEC, attributes), "fsmount", this.#type);
  }

  /** Makes the mount and puts it at `target`, bytes in latin1. @param attributes MOUNT_ATTR_… */
  attach(target: string, attributes = 0): void {
    const descriptor = this.create(attributes);
    try {
      checked(
        moveMount(MOVE_MOUNT, descriptor, cString(""), AT_FDCWD, cString(target), MOVE_MOUNT_F_EMPTY_PATH),
        "move_mount",
        target,
      );
    } finally {
      closeDescriptor(descriptor);
    }
  }

  /** May be repeated only by nobody: call it once, in `finally`. */
  close(): void {
    closeDescriptor(this.#context);
  }

  /** With what the kernel says about it, where it says something. */
  #failure(errno: number): SystemCallError {
    return Object.assign(new SystemCallError("fsconfig", errno, this.#type), { detail: this.#messages() });
  }

  /** The kernel's log of this context: `e erofs: …` for errors, `w …` for warnings. */
  #messages(): string {
    const buffer = Buffer.alloc(1024);
    const messages: string[] = [];
    for (let length = read(this.#context, buffer, buffer.length); length > 0;) {
      messages.push(buffer.toString("utf8", 0, length).trim());
      length = read(this.#context, buffer, buffer.length);
    }
    return messages.join("; ");
  }
}

/** Puts a mount of `MountBuilder.create` at a directory. @param directory A descriptor, of this thread's mount namespace. */
export function attachMount(descriptor: number, directory: number): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  checked(moveMount(MOVE_MOUNT, descriptor, cString(""), directory, cString(""), flags), "move_mount");
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "latin1");
}
