import { ERRNO, checked, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { AT_FDCWD, closeDescriptor, OPEN_FILE, openAt } from "./open-at.js";
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

/**
 * Gives a file a read-only loop device, which the kernel takes away again when its last user is gone.
 *
 * @param file Bytes in latin1.
 * @returns The device's path, and `release`, to be called once the device is mounted.
 * @throws SystemCallError.
 */
export function attachLoopDevice(file: string): { readonly device: string; readonly release: () => void } {
  const backing = openAt(AT_FDCWD, file, OPEN_FILE);
  const control = openAt(AT_FDCWD, "/dev/loop-control", constants.O_RDWR);
  try {
    for (let attempt = 1; ; attempt++) {
      const device = `/dev/loop${checked(ioctl(control, LOOP_CTL_GET_FREE, null), "ioctl", "/dev/loop-control")}`;
      const descriptor = openAt(AT_FDCWD, device, constants.O_RDONLY);
      if (ioctl(descriptor, LOOP_CONFIGURE, configuration(backing)) === 0)
        return { device, release: () => closeDescriptor(descriptor) };
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
function configuration(backing: number): Buffer {
  const bytes = Buffer.alloc(CONFIGURATION_BYTES);
  bytes.writeUInt32LE(backing, 0);
  bytes.writeUInt32LE(LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR, FLAGS_OFFSET);
  return bytes;
}
