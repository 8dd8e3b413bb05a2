import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

export interface ReadOptions {
  /** Bytes that it may have: a part of a file would be taken for all of it, or written back in its place. */
  readonly largest: number;
  /** Whether a symlink at the end of the path is followed; by default not. */
  readonly follow?: boolean;
}

/**
 * Reads a file that others may have put something else in the place of: waits for no FIFO, reads no device, follows no link.
 *
 * @throws Node's error; `code` EFTYPE, as BSD has it, for what is no regular file, ELOOP for a symlink, EFBIG for more than
 *   `largest` bytes.
 */
export function readRegularFile(file: string, { largest, follow = false }: ReadOptions): Buffer {
  const fd = openRegularFile(file, follow ? 0 : constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    if (size > largest) throw Object.assign(new RangeError(`${file} has ${size} bytes`), { code: "EFBIG", path: file });
    const bytes = Buffer.alloc(size);
    let done = 0;
    for (let count = -1; done < bytes.length && count !== 0; done += count)
      count = readSync(fd, bytes, done, bytes.length - done, done);
    return bytes.subarray(0, done);
  } finally {
    closeSync(fd);
  }
}

/** @param flags Beside O_RDONLY, which O_RDWR replaces. @returns A descriptor, closed by the caller. @throws As `readRegularFile`. */
export function openRegularFile(file: string, flags: number = constants.O_NOFOLLOW, mode?: number): number {
  const fd = openSync(file, flags | constants.O_NONBLOCK, mode);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw Object.assign(new RangeError(`${file} is no regular file`), { code: "EFTYPE", path: file });
}
