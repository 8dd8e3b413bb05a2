/** PATH_MAX and some: whatever is longer the kernel refuses itself, with ENAMETOOLONG. */
const CAPACITY = 8192;

/** Two, since rename and link take two paths. Reused: a call copies nothing that outlives it. */
const FIRST = Buffer.alloc(CAPACITY);
const SECOND = Buffer.alloc(CAPACITY);

/**
 * A path or name, given as bytes in latin1, as a C string.
 *
 * @returns A buffer that the next call overwrites.
 */
export function nativePath(path: string): Buffer {
  return write(path, FIRST);
}

/** The same in another buffer, for calls that take two. */
export function secondNativePath(path: string): Buffer {
  return write(path, SECOND);
}

function write(path: string, buffer: Buffer): Buffer {
  const length = path.length;
  if (length >= CAPACITY) return Buffer.from(`${path}\0`, "latin1");
  for (let index = 0; index < length; index++) {
    const unit = path.charCodeAt(index);
    if (unit === 0 || unit > 255) throw new RangeError(`A path is bytes without NUL: ${JSON.stringify(path)}`);
    buffer[index] = unit;
  }
  buffer[length] = 0;
  return buffer;
}
