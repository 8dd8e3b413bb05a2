import { readSync } from "node:fs";

const BLOCK_BYTES = 65_536;
const NEWLINE = 0x0a;

/** A line of a file, without its newline. */
export interface FileLine {
  readonly bytes: Buffer;
  /** Where it begins in the file. */
  readonly start: number;
  /** False for a last line that no newline ends. */
  readonly whole: boolean;
}

/**
 * The lines of an open file from the last to the first, reading no more of it than is asked for.
 *
 * @param size Bytes of the file to look at.
 */
export function* linesBackwards(fd: number, size: number): Generator<FileLine> {
  let start = size;
  let held = Buffer.alloc(0);
  /** Where the line that is being put together ends. */
  let whole = false;
  while (start > 0) {
    const length = Math.min(BLOCK_BYTES, start);
    start -= length;
    held = Buffer.concat([readExactly(fd, start, length), held]);
    for (let newline = held.lastIndexOf(NEWLINE); newline !== -1; newline = held.lastIndexOf(NEWLINE)) {
      const bytes = held.subarray(newline + 1);
      if (whole || bytes.length > 0) yield { bytes, start: start + newline + 1, whole };
      whole = true;
      held = held.subarray(0, newline);
    }
  }
  if (whole || held.length > 0) yield { bytes: held, start: 0, whole };
}

/** Fewer bytes where the file ends. */
export function readExactly(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const read = readSync(fd, bytes, done, length - done, position + done);
    if (read === 0) return bytes.subarray(0, done);
    done += read;
  }
  return bytes;
}
