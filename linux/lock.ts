import { ERRNO, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";

const flock = declare("int flock(int descriptor, int operation)");

/** From sys/file.h. */
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/**
 * Takes flock(2)'s lock on an open file without waiting; one held already is changed to the other kind. The kernel frees it
 * when the last descriptor of this opening is closed, so a killed process holds none.
 *
 * @returns False when another opening holds it.
 */
export function tryLock(descriptor: number, kind: "shared" | "exclusive"): boolean {
  const operation = (kind === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB;
  for (;;) {
    if (flock(descriptor, operation) === 0) return true;
    const errno = lastErrno();
    if (errno === ERRNO.EWOULDBLOCK) return false;
    if (errno !== ERRNO.EINTR) throw new SystemCallError("flock", errno);
  }
}

export function unlock(descriptor: number): void {
  flock(descriptor, LOCK_UN);
}
