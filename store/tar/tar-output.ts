import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { BLOCK } from "./limits.js";

const CHUNK_BYTES = 256 * 1024;
/** The end of an archive: two blocks of zeros, filled up to GNU tar's record. */
const RECORD_BYTES = 20 * BLOCK;

/**
 * Collects blocks into chunks of 256 KiB, so that small files cost no promise each. A chunk that was handed over is the
 * receiver's to keep.
 */
export class TarOutput {
  readonly #write: (chunk: Uint8Array) => Promise<void> | void;
  #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #used = 0;
  #written = 0;

  constructor(write: (chunk: Uint8Array) => Promise<void> | void) {
    this.#write = write;
  }

  /** Whether so many bytes can be put without a flush between. */
  hasRoom(bytes: number): boolean {
    return CHUNK_BYTES - this.#used >= bytes;
  }

  get isFull(): boolean {
    return this.#used === CHUNK_BYTES;
  }

  /** The rest of the chunk, to read into; what was read is then told by `advance`. */
  get free(): Buffer {
    return this.#chunk.subarray(this.#used);
  }

  advance(bytes: number): void {
    this.#used += bytes;
  }

  async put(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.isFull) await this.flush();
      at += this.#copy(bytes.subarray(at));
    }
  }

  /** For what `hasRoom` said fits. */
  putNow(bytes: Uint8Array): void {
    this.#copy(bytes);
  }

  async zeros(length: number): Promise<void> {
    for (let left = length; left > 0;) {
      if (this.isFull) await this.flush();
      const part = Math.min(left, CHUNK_BYTES - this.#used);
      this.#chunk.fill(0, this.#used, this.#used + part);
      this.#used += part;
      left -= part;
    }
  }

  /** @throws VarveError INTERRUPTED, and whatever writing throws. */
  async flush(): Promise<void> {
    if (this.#used === 0) return;
    const full = this.#chunk.subarray(0, this.#used);
    this.#written += this.#used;
    this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#used = 0;
    await this.#write(full);
    if (isTurnDue()) await yieldToSignals();
  }

  async end(): Promise<void> {
    const length = this.#written + this.#used + 2 * BLOCK;
    await this.zeros(2 * BLOCK + ((RECORD_BYTES - (length % RECORD_BYTES)) % RECORD_BYTES));
    await this.flush();
  }

  #copy(bytes: Uint8Array): number {
    const length = Math.min(bytes.length, CHUNK_BYTES - this.#used);
    this.#chunk.set(length === bytes.length ? bytes : bytes.subarray(0, length), this.#used);
    this.#used += length;
    return length;
  }
}
