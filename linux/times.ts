import { checked } from "./errno.js";
import { declare } from "./native-library.js";
import { nativePath } from "./native-path.js";
import { AT_SYMLINK_NOFOLLOW } from "./open-at.js";

const utimensat = declare("int utimensat(int directory, const void *path, const void *times, int flags)");
const futimens = declare("int futimens(int descriptor, const void *times)");

/** struct timespec[2]: access, then modification; from sys/stat.h. */
const TIMES = new Int32Array(8);
const UTIME_OMIT = 0x3ffffffe;

/**
 * Sets an entry's modification time, a symlink's own, and leaves its access time.
 *
 * @param name Bytes in latin1; `""` is the descriptor itself, which must not be one of O_PATH.
 * @param seconds Since 1970, rounded down; negative before.
 */
export function setModificationTime(directory: number, name: string, seconds: number, nanoseconds: number): void {
  TIMES[2] = UTIME_OMIT;
  TIMES[4] = seconds >>> 0;
  TIMES[5] = Math.floor(seconds / 0x100000000);
  TIMES[6] = nanoseconds;
  if (name === "") checked(futimens(directory, TIMES), "futimens");
  else checked(utimensat(directory, nativePath(name), TIMES, AT_SYMLINK_NOFOLLOW), "utimensat", name);
}
