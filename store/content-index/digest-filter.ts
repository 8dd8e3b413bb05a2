const BITS_PER_ROW = 16;
const LEAST_BITS = 1 << 10;
/** 8 MiB: a filter of more than 4,000,000 rows lets more through. */
const MOST_BITS = 1 << 26;

/** Tells of most digests that are not among some rows that they are not: one bit a row, in 16 to 32. Takes 2 to 4 bytes a row. */
export class DigestFilter {
  readonly #bits: Uint8Array;
  readonly #mask: number;

  /** @param rows How many will be added. */
  constructor(rows: number) {
    const wanted = Math.min(Math.max(rows * BITS_PER_ROW, LEAST_BITS), MOST_BITS);
    const bits = 2 ** Math.ceil(Math.log2(wanted));
    this.#bits = new Uint8Array(bits / 8);
    this.#mask = bits - 1;
  }

  /** @param bytes Holds a SHA-256, or its first 8 bytes, from `at` on. */
  add(bytes: Uint8Array, at: number): void {
    const bit = this.#bitOf(bytes, at);
    this.#bits[bit >>> 3] = (this.#bits[bit >>> 3] as number) | (1 << (bit & 7));
  }

  mayHold(bytes: Uint8Array, at: number): boolean {
    const bit = this.#bitOf(bytes, at);
    return ((this.#bits[bit >>> 3] as number) & (1 << (bit & 7))) !== 0;
  }

  /** By bytes 4 to 7, as evenly spread as all others. */
  #bitOf(bytes: Uint8Array, at: number): number {
    const high = (bytes[at + 4] as number) | ((bytes[at + 5] as number) << 8);
    return (high | ((bytes[at + 6] as number) << 16) | ((bytes[at + 7] as number) << 24)) & this.#mask;
  }
}
