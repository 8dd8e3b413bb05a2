import { compressionFault, compressionRefused } from "./compression-fault.js";

/** The window that zstd(1) itself takes without --long: 2^27. A larger one is asked for by bombs, and by nobody else. */
const MAX_WINDOW_BYTES = 2 ** 27;
const MAX_BLOCK_BYTES = 128 * 1024;
const FRAME_MAGIC = 0xfd2f_b528;
const SKIPPABLE_MAGIC = 0x184d_2a50;

export type ZstdPart =
  /** Bytes of a frame: at most one block, so at most 128 KiB of plain data. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** A frame is complete. What it said of its content, when it did: bytes, and the lower half of their xxh64. */
  | { readonly kind: "frame end"; readonly contentSize: number | undefined; readonly checksum: number | undefined };

/**
 * Takes zstd data apart into frames and blocks, without decompressing: what the decompressor gets is then bounded in window
 * and output. Skippable frames are left out; dictionaries are refused.
 *
 * @see RFC 8878, sections 3.1.1 and 3.1.2.
 */
export class ZstdBlocks {
  #partial: Buffer = Buffer.alloc(0);
  #wanted = 4;
  #step: (bytes: Buffer) => ZstdPart[];
  /** Bytes passed on (`emit`) or passed over, before `#after`. */
  #running = 0;
  #isSkipping = false;
  #after: () => ZstdPart[];
  #hasChecksum = false;
  #contentSize: number | undefined;

  constructor() {
    this.#step = (bytes) => this.#magic(bytes);
    this.#after = () => [];
  }

  *push(chunk: Uint8Array): Iterable<ZstdPart> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#running > 0) {
        const length = Math.min(this.#running, chunk.length - at);
        this.#running -= length;
        if (!this.#isSkipping) yield { kind: "bytes", bytes: chunk.subarray(at, at + length) };
        at += length;
        if (this.#running === 0) yield* this.#after();
        continue;
      }
      const length = Math.min(this.#wanted - this.#partial.length, chunk.length - at);
      this.#partial = Buffer.concat([this.#partial, chunk.subarray(at, at + length)]);
      at += length;
      if (this.#partial.length < this.#wanted) continue;
      const whole = this.#partial;
      this.#partial = Buffer.alloc(0);
      yield* this.#step(whole);
    }
  }

  /** Whether the data may end here. */
  get isComplete(): boolean {
    return this.#partial.length === 0 && this.#running === 0 && this.#isBetweenFrames;
  }

  #isBetweenFrames = true;

  #collect(length: number, step: (bytes: Buffer) => ZstdPart[]): ZstdPart[] {
    this.#wanted = length;
    this.#step = step;
    return [];
  }

  #run(length: number, isSkipping: boolean, after: () => ZstdPart[]): ZstdPart[] {
    if (length === 0) return after();
    this.#running = length;
    this.#isSkipping = isSkipping;
    this.#after = after;
    return [];
  }

  #nextFrame(): ZstdPart[] {
    this.#isBetweenFrames = true;
    return this.#collect(4, (bytes) => this.#magic(bytes));
  }

  #magic(bytes: Buffer): ZstdPart[] {
    this.#isBetweenFrames = false;
    const magic = bytes.readUInt32LE(0);

    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC) {
      return this.#collect(4, (size) => this.#run(size.readUInt32LE(0), true, () => this.#nextFrame()));
    }
    if (magic !== FRAME_MAGIC) throw compressionFault("zstd", "is followed by something else");
    return this.#collect(1, (descriptor) => this.#frameHeader(bytes, descriptor));
  }

  #frameHeader(magic: Buffer, descriptor: Buffer): ZstdPart[] {
    const flags = descriptor[0] ?? 0;
    const isSingleSegment = (flags & 0x20) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
    const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
    this.#hasChecksum = (flags & 4) !== 0;
    const windowBytes = isSingleSegment ? 0 : 1;
    return this.#collectOrNow(windowBytes + dictionaryBytes + sizeBytes, (rest) => {
      if (rest.subarray(windowBytes, windowBytes + dictionaryBytes).some((byte) => byte !== 0)) {
        throw compressionRefused("zstd", "needs a dictionary, which is not at hand");
      }
      this.#contentSize = readContentSize(rest.subarray(windowBytes + dictionaryBytes));
      const window = isSingleSegment ? (this.#contentSize ?? 0) : windowSize(rest[0] ?? 0);
      if (window > MAX_WINDOW_BYTES) {
        throw compressionRefused("zstd", `needs a window of ${window} bytes, expected at most ${MAX_WINDOW_BYTES}`);
      }
      const header = { kind: "bytes", bytes: Buffer.concat([magic, descriptor, rest]) } as const;
      return [header, ...this.#nextBlock()];
    });
  }

  #collectOrNow(length: number, step: (bytes: Buffer) => ZstdPart[]): ZstdPart[] {
    return length === 0 ? step(Buffer.alloc(0)) : this.#collect(length, step);
  }

  #nextBlock(): ZstdPart[] {
    return this.#collect(3, (bytes) => {
      const header = bytes.readUIntLE(0, 3);
      const isLast = (header & 1) === 1;
      const type = (header >> 1) & 3;
      const size = header >> 3;
      if (type === 3 || size > MAX_BLOCK_BYTES) throw compressionFault("zstd", "has a block of an unknown kind");
      const after = (): ZstdPart[] => (isLast ? this.#frameEnd() : this.#nextBlock());
      // A block of type 1 repeats one byte `size` times.
      return [{ kind: "bytes", bytes }, ...this.#run(type === 1 ? 1 : size, false, after)];
    });
  }

  #frameEnd(): ZstdPart[] {
    const end = (checksum?: number): ZstdPart[] => [
      { kind: "frame end", contentSize: this.#contentSize, checksum },
      ...this.#nextFrame(),
    ];
    if (!this.#hasChecksum) return end();
    return this.#collect(4, (bytes) => [{ kind: "bytes", bytes }, ...end(bytes.readUInt32LE(0))]);
  }
}

/** Two bytes count from 256, as no smaller size needs them. */
function readContentSize(bytes: Buffer): number | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes.length === 8) return Number(bytes.readBigUInt64LE(0));
  return bytes.readUIntLE(0, bytes.length) + (bytes.length === 2 ? 256 : 0);
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
