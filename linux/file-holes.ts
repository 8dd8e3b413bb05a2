import { ERRNO, SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";

const lseek = declare("int64_t lseek(int descriptor, int64_t offset, int whence)");
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

export interface FileExtent {
  readonly offset: number;
  readonly length: number;
  readonly kind: "data" | "hole";
}

/**
 * Where a file has data and where holes, in order, covering 0 to `size`. A filesystem that knows no holes gives one piece of
 * data. Moves the descriptor's position.
 */
export function* fileExtents(descriptor: number, size: number): Generator<FileExtent> {
  let position = 0;
  while (position < size) {
    const data = Math.min(seek(descriptor, position, SEEK_DATA, size), size);
    if (data > position) yield { offset: position, length: data - position, kind: "hole" };
    if (data >= size) return;
    const hole = Math.min(seek(descriptor, data, SEEK_HOLE, size), size);
    // A file that shrinks meanwhile answers nonsense: the reader's own check finds it out.
    yield { offset: data, length: Math.max(hole - data, 1), kind: "data" };
    position = Math.max(hole, data + 1);
  }
}

/** @returns `size` when there is nothing more of that kind. */
function seek(descriptor: number, from: number, whence: number, size: number): number {
  const result = lseek(descriptor, from, whence);
  if (result >= 0) return result;
  const errno = lastErrno();
  if (errno === ERRNO.ENXIO) return size;
  if (errno === ERRNO.EINVAL) return whence === SEEK_DATA ? from : size;
  throw new SystemCallError("lseek", errno);
}
