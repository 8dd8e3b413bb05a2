import { BLOCK_BYTES } from "./image-format.js";
import { PLACEMENT_WINDOW_BLOCKS } from "./inode-placement.js";

const WINDOW_BYTES = PLACEMENT_WINDOW_BLOCKS * BLOCK_BYTES;
const BUFFER_BYTES = 2 * WINDOW_BYTES;

/** Bytes that come nearly in sequence, passed on in sequence: pieces may go back by up to a window. What nobody writes is zero. */
export class WindowWriter {
  readonly buffer: Buffer = Buffer.alloc(BUFFER_BYTES);
  readonly #emit: (bytes: Buffer) => void;
  /** Position of the buffer's first byte: a multiple of a block. */
  #base = 0;
  #end = 0;

  constructor(emit: (bytes: Buffer) => void) {
    this.#emit = emit;
  }

  /**
   * @param length At most half a window.
   * @returns Where in `buffer` the caller writes what belongs to `position`.
   */
  at(position: number, length: number): number {
    if (position + length > this.#base + BUFFER_BYTES) this.#slide(Math.max(this.#end, position));
    this.#end = Math.max(this.#end, position + length);
    return position - this.#base;
  }

  write(position: number, bytes: Buffer): void {
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(bytes.length - done, WINDOW_BYTES / 2);
      bytes.copy(this.buffer, this.at(position + done, length), done, done + length);
      done += length;
    }
  }

  /** Passes on all that is left, and zeros up to `length`. */
  finish(length: number): void {
    while (this.#base < length) {
      const count = Math.min(BUFFER_BYTES, length - this.#base);
      this.#emit(this.buffer.subarray(0, count));
      this.buffer.fill(0, 0, count);
      this.#base += count;
    }
  }

  #slide(frontier: number): void {
    const base = Math.max(this.#base, Math.floor(frontier / BLOCK_BYTES) * BLOCK_BYTES - WINDOW_BYTES);
    while (this.#base < base) {
      const count = Math.min(base - this.#base, BUFFER_BYTES);
      this.#emit(this.buffer.subarray(0, count));
      this.buffer.copyWithin(0, count);
      this.buffer.fill(0, BUFFER_BYTES - count);
      this.#base += count;
    }
  }
}
