import { compressionFault } from "./compression-fault.js";

/** What of the package is used: its decoder of one block. Its stream collects a block's bytes as an array of numbers, 45 million of them for zeros. */
interface Bzip2 {
  /** @returns In units of 100,000 bytes. Throws an Error. */
  header(bits: ReadBits): number;
  /**
   * Decodes a block, or the end of a stream, where it returns `null`. Checks the CRC of each. Throws an Error.
   *
   * @param work Holds the block's symbols.
   * @param sum Of the blocks before. @returns With this one.
   */
  decompress(bits: ReadBits, byte: (value: number) => void, work: Int32Array, workLength: number, sum: number): number | null;
}

/** Takes so many bits, at most 32; `null`: goes on at the next byte. */
type ReadBits = (count: number | null) => number;

/** Of the largest block and its tables, with room to spare: bzip2's own bound. */
const blockBytes = (units: number): number => 25_000 + 100_000 * units;
const HEADER_BYTES = 4;
const PIECE_BYTES = 1 << 18;

/** One or more bzip2 streams, one after another, as pbzip2 writes them. Zeros may follow, nothing else. */
export async function* unbzip2ed(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  // @ts-expect-error -- nobody has written types for it
  const { default: bzip2 } = (await import("unbzip2-stream/lib/bzip2.js")) as { readonly default: Bzip2 };
  const input = new BitInput();
  const decoder = new Decoder(bzip2, input);
  for await (const chunk of stream) {
    input.add(chunk);
    while (input.available >= decoder.wantedBytes) yield* decoder.step();
  }
  while (input.available > 0) yield* decoder.step();
  decoder.end();
}

class Decoder {
  readonly #bzip2: Bzip2;
  readonly #input: BitInput;
  /** In units of 100,000 bytes; 0 between streams. */
  #units = 0;
  #work = new Int32Array(0);
  #sum = 0;
  #isAfterStream = false;

  constructor(bzip2: Bzip2, input: BitInput) {
    // It keeps tables of the block as fields of its own.
    this.#bzip2 = Object.create(bzip2) as Bzip2;
    this.#input = input;
  }

  /** So many bytes hold the next part for sure. */
  get wantedBytes(): number {
    return this.#units === 0 ? HEADER_BYTES : blockBytes(this.#units);
  }

  /** @returns The plain bytes of the next part, if it has any. */
  step(): readonly Uint8Array[] {
    if (this.#isAfterStream && this.#input.skipZeros()) {
      if (this.#input.available > 0) throw compressionFault("bzip2", "is followed by something else");
      return [];
    }
    const output = new Output();
    try {
      if (this.#units === 0) this.#begin();
      else this.#block(output);
    } catch (error) {
      throw compressionFault("bzip2", "is cut off or damaged", error);
    }
    return output.pieces;
  }

  end(): void {
    if (this.#units !== 0) throw compressionFault("bzip2", "is cut off");
  }

  #begin(): void {
    this.#isAfterStream = false;
    this.#units = this.#bzip2.header(this.#input.read);
    this.#sum = 0;
    if (this.#work.length !== this.#units * 100_000) this.#work = new Int32Array(this.#units * 100_000);
  }

  #block(output: Output): void {
    const sum = this.#bzip2.decompress(this.#input.read, output.add, this.#work, this.#work.length, this.#sum);
    if (sum === null) [this.#units, this.#isAfterStream] = [0, true];
    else this.#sum = sum;
  }
}

/** Bytes of a block: mostly as many as its size, 46 MB where it repeats one byte. */
class Output {
  readonly #full: Uint8Array[] = [];
  #piece = new Uint8Array(0);
  #length = 0;

  readonly add = (value: number): void => {
    if (this.#length === this.#piece.length) {
      if (this.#length > 0) this.#full.push(this.#piece);
      this.#piece = new Uint8Array(PIECE_BYTES);
      this.#length = 0;
    }
    this.#piece[this.#length++] = value;
  };

  get pieces(): readonly Uint8Array[] {
    return this.#length === 0 ? [] : [...this.#full, this.#piece.subarray(0, this.#length)];
  }
}

/** Bytes that have come and were not taken yet, read bit by bit, the highest first. */
class BitInput {
  readonly #parts: Uint8Array[] = [];
  #waiting = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Bits of the byte at `#at` that are taken. */
  #bit = 0;

  get available(): number {
    return this.#waiting + this.#bytes.length - this.#at;
  }

  add(chunk: Uint8Array): void {
    this.#parts.push(chunk);
    this.#waiting += chunk.length;
  }

  readonly read = (count: number | null): number => {
    if (count === null) {
      if (this.#bit > 0) this.#at += 1;
      this.#bit = 0;
      return 0;
    }
    let [result, missing] = [0, count];
    while (missing > 0) {
      const byte = this.#byte();
      if (byte === undefined) throw new RangeError("the data ends");
      const taken = Math.min(missing, 8 - this.#bit);
      result = (result << taken) | ((byte >>> (8 - this.#bit - taken)) & ((1 << taken) - 1));
      this.#bit = (this.#bit + taken) & 7;
      if (this.#bit === 0) this.#at += 1;
      missing -= taken;
    }
    return result;
  };

  /** From a byte's beginning. @returns Whether there were any. */
  skipZeros(): boolean {
    let hasAny = false;
    for (; this.#byte() === 0; this.#at += 1) hasAny = true;
    return hasAny;
  }

  #byte(): number | undefined {
    while (this.#at >= this.#bytes.length) {
      const next = this.#parts.shift();
      if (next === undefined) return undefined;
      this.#waiting -= next.length;
      [this.#bytes, this.#at] = [next, 0];
    }
    return this.#bytes[this.#at];
  }
}
