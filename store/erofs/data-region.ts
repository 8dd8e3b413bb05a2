import { ftruncateSync } from "node:fs";
import { BLOCK_BYTES } from "./image-format.js";
import { readAt, writeAt } from "./write-at.js";

/** Data is kept back in memory up to so many bytes: a layer with less has a device table of exactly its length. */
const BUFFER_BYTES = 4 << 20;
/** Later in pieces that stay in a processor's cache between their filling and the write. */
const WRITE_BYTES = 512 << 10;
/** A shorter run of zeros is not worth a hole in the image file. */
const SHORTEST_HOLE = 64 << 10;
const ZEROS = Buffer.alloc(SHORTEST_HOLE);

/** Contents of one layer image, written in sequence. Positions are bytes from the start of the data, which is settled late. */
export class DataRegion {
  readonly #fd: number;
  readonly #reserved: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** Position of the buffer's first byte. */
  #base = 0;
  #used = 0;
  /** Block of the image at which the data starts, once settled. */
  #start: number | undefined;

  /** @param reserved Blocks to keep free before the data, if it must be written before their number is known. */
  constructor(fd: number, reserved: number) {
    this.#fd = fd;
    this.#reserved = reserved;
  }

  /** The longest piece that `room` gives. */
  get capacity(): number {
    return BUFFER_BYTES;
  }

  get position(): number {
    return this.#base + this.#used;
  }

  /** The next bytes, to be filled by the caller, then taken over by `advance`. */
  room(length: number): Buffer {
    if (this.#used + length > (this.#start === undefined ? BUFFER_BYTES : Math.max(WRITE_BYTES, length))) this.flush();
    return this.#buffer.subarray(this.#used, this.#used + length);
  }

  advance(length: number): void {
    this.#used += length;
  }

  append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const piece = bytes.subarray(done, done + BUFFER_BYTES);
      this.room(piece.length).set(piece);
      this.#used += piece.length;
      done += piece.length;
    }
  }

  /** Zeros; a long run takes no room on the disk. */
  zeros(length: number): void {
    if (length >= SHORTEST_HOLE) {
      this.flush();
      this.#base += length;
    } else {
      this.room(length).fill(0);
      this.#used += length;
    }
  }

  /** Zeros up to the next block. */
  align(): void {
    const over = this.position % BLOCK_BYTES;
    if (over > 0) this.zeros(BLOCK_BYTES - over);
  }

  /** Forgets all from a position on. */
  rewind(position: number): void {
    if (position >= this.#base) {
      this.#used = position - this.#base;
      return;
    }
    // Later holes must not show what stood here.
    ftruncateSync(this.#fd, this.#imagePosition(position));
    this.#base = position;
    this.#used = 0;
  }

  /** Reads back what stands from a position on. @returns Bytes read. */
  read(buffer: Uint8Array, position: number): number {
    this.flush();
    return readAt(this.#fd, buffer, this.#imagePosition(position));
  }

  flush(): void {
    if (this.#used === 0) return;
    writeAt(this.#fd, this.#buffer.subarray(0, this.#used), this.#imagePosition(this.#base));
    this.#base += this.#used;
    this.#used = 0;
  }

  /**
   * Block of an image at which data of some length starts: after the header, or, of more data than waits in memory, after the blocks that
   * were reserved. A matter of the layer's contents alone, not of when they came.
   *
   * @param bytes All data. @param header Blocks that the header takes.
   */
  startOf(bytes: number, header: number): number {
    return bytes <= BUFFER_BYTES ? header : this.#reserved;
  }

  /** Writes what is left. @param header Blocks that the header takes. @returns The block at which the data starts. */
  finish(header: number): number {
    const start = this.startOf(this.position, header);
    if (this.#start !== undefined && this.#start !== start) this.#move(start);
    this.#start = start;
    this.flush();
    return start;
  }

  /** Takes back into memory what was written early, before what came after it was forgotten again. */
  #move(start: number): void {
    const bytes = Buffer.alloc(this.position);
    this.read(bytes, 0);
    ftruncateSync(this.#fd, 0);
    this.#start = start;
    this.#base = 0;
    this.#used = 0;
    for (let at = 0; at < bytes.length; at += SHORTEST_HOLE) {
      const piece = bytes.subarray(at, at + SHORTEST_HOLE);
      if (piece.equals(ZEROS)) this.zeros(piece.length);
      else this.append(piece);
    }
  }

  #imagePosition(position: number): number {
    this.#start ??= this.#reserved;
    return this.#start * BLOCK_BYTES + position;
  }
}
