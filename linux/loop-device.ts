import { ERRNO, checked, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { AT_FDCWD, closeDescriptor, O_CLOEXEC, OPEN_FILE, openAt } from "./open-at.js";
import { constants } from "node:fs";

const ioctl = declare("int ioctl(int descriptor, unsigned long request, const void *argument)");

/** From linux/loop.h. */
const LOOP_CTL_GET_FREE = 0x4c82;
const LOOP_CONFIGURE = 0x4c0a;
const LO_FLAGS_READ_ONLY = 1;
const LO_FLAGS_AUTOCLEAR = 4;
const CONFIGURATION_BYTES = 304;
const FLAGS_OFFSET = 60;
const ATTEMPTS = 16;

export interface LoopDevice {
  /** Its path. */
  readonly device: string;
  /** Open until `release`. */
  readonly descriptor: number;
  /** To be called once the device is mounted, or not wanted any more. */
  readonly release: () => void;
}

/**
 * Gives a file a loop device, which the kernel takes away again when its last user is gone.
 *
 * @param file Bytes in latin1.
 * @param access Read-only by default.
 * @throws SystemCallError.
 */
export function attachLoopDevice(file: string, access: "read" | "write" = "read"): LoopDevice {
  const backing = openAt(AT_FDCWD, file, access === "read" ? OPEN_FILE : constants.O_RDWR | O_CLOEXEC);
  const control = openAt(AT_FDCWD, "/dev/loop-control", constants.O_RDWR);
  try {
    for (let attempt = 1; ; attempt++) {
      const device = `/dev/loop${checked(ioctl(control, LOOP_CTL_GET_FREE, null), "ioctl", "/dev/loop-control")}`;
      const descriptor = openAt(AT_FDCWD, device, access === "read" ? constants.O_RDONLY : constants.O_RDWR | O_CLOEXEC);
      if (ioctl(descriptor, LOOP_CONFIGURE, configuration(backing, access)) === 0)
        return { device, descriptor, release: () => closeDescriptor(descriptor) };
      const errno = lastErrno();
      closeDescriptor(descriptor);
      // Another process took the number between the two calls.
      if (errno !== ERRNO.EBUSY || attempt === ATTEMPTS) throw new SystemCallError("ioctl", errno, device);
    }
  } finally {
    closeDescriptor(control);
    closeDescriptor(backing);
  }
}

/** struct loop_config: u32 fd, u32 block size, then struct loop_info64, whose flags stand at 52. */
function configuration(backing: number, access: "read" | "write"): Buffer {
  const bytes = Buffer.alloc(CONFIGURATION_BYTES);
  bytes.writeUInt32LE(backing, 0);
  bytes.writeUInt32LE((access === "read" ? LO_FLAGS_READ_ONLY : 0) | LO_FLAGS_AUTOCLEAR, FLAGS_OFFSET);
  return bytes;
}
