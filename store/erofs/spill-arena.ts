import { closeSync, openSync, unlinkSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { grownBuffer } from "./growing-arrays.js";
import { readAt, writeAt } from "./write-at.js";

/** Bytes that may stay in memory. */
const MEMORY_LIMIT = 16 << 20;
const FIRST_BUFFER = 256 << 10;
const WINDOW_BYTES = 1 << 20;

/**
 * Short pieces of bytes, appended now and read back later: inline contents, symlink targets, xattrs. Past 16 MiB they go to a
 * file without a name, so memory stays bounded.
 */
export class SpillArena {
  readonly #scratch: () => string;
  #fd: number | undefined;
  /** Bytes in the file; what follows is in `#tail`. */
  #spilled = 0;
  #tail: Buffer = Buffer.alloc(0);
  #used = 0;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  /** @param scratch Gives a path for a new file, which is unlinked at once. */
  constructor(scratch: () => string) {
    this.#scratch = scratch;
  }

  /** @returns Where `read` finds it. */
  append(bytes: Uint8Array): number {
    if (this.#used + bytes.length > MEMORY_LIMIT) this.#spill();
    this.#tail = grownBuffer(this.#tail, Math.max(FIRST_BUFFER, this.#used + bytes.length));
    this.#tail.set(bytes, this.#used);
    const position = this.#spilled + this.#used;
    this.#used += bytes.length;
    return position;
  }

  /** Copies one appended piece. Quick when pieces are read in about the order in which they came. */
  read(position: number, length: number, target: Buffer, at: number): void {
    if (position >= this.#spilled) {
      this.#tail.copy(target, at, position - this.#spilled, position - this.#spilled + length);
      return;
    }
    if (position < this.#windowStart || position + length > this.#windowStart + this.#window.length) {
      this.#loadWindow(position, length);
    }
    this.#window.copy(target, at, position - this.#windowStart, position - this.#windowStart + length);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#tail = Buffer.alloc(0);
  }

  #spill(): void {
    if (this.#fd === undefined) {
      const file = this.#scratch();
      this.#fd = openSync(file, "wx+", 0o600);
      unlinkSync(file);
    }
    writeAt(this.#fd, this.#tail.subarray(0, this.#used), this.#spilled);
    this.#spilled += this.#used;
    this.#used = 0;
  }

  #loadWindow(position: number, length: number): void {
    const wanted = Math.min(Math.max(WINDOW_BYTES, length), this.#spilled - position);
    const window = Buffer.allocUnsafe(wanted);
    if (readAt(this.#fd as number, window, position) < wanted) {
      throw new VarveError("IO", "Cannot read a scratch file: it is shorter than what was written");
    }
    this.#window = window;
    this.#windowStart = position;
  }
}
