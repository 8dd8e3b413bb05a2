import { VarveError } from "../../core/errors.js";
import { gunzipped } from "./gunzip.js";
import { unbzip2ed } from "./unbzip2.js";
import { unxzed } from "./unxz.js";
import { unzstded } from "./unzstd.js";

/** A stream of compressed bytes turned into the plain ones, in order. */
type Decompressor = (stream: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

interface Format {
  readonly name: string;
  readonly magic: readonly number[];
  readonly decompress: Decompressor | undefined;
}

const SKIPPABLE = Array.from({ length: 16 }, (_, n) => 0x50 + n);

/** Formats without a decompressor are known, so that the error can name them. */
const FORMATS: readonly Format[] = [
  { name: "gzip", magic: [0x1f, 0x8b], decompress: gunzipped },
  { name: "zstd", magic: [0x28, 0xb5, 0x2f, 0xfd], decompress: unzstded },
  // Frames to be skipped, 0x50 to 0x5f, may come first: pzstd begins with one. Those of lz4 look the same, and nobody writes them.
  ...SKIPPABLE.map((first): Format => ({ name: "zstd", magic: [first, 0x2a, 0x4d, 0x18], decompress: unzstded })),
  { name: "xz", magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], decompress: unxzed },
  { name: "bzip2", magic: [0x42, 0x5a, 0x68], decompress: unbzip2ed },
  { name: "lzip", magic: [0x4c, 0x5a, 0x49, 0x50], decompress: undefined },
  { name: "lz4", magic: [0x04, 0x22, 0x4d, 0x18], decompress: undefined },
  { name: "compress", magic: [0x1f, 0x9d], decompress: undefined },
  { name: "zip", magic: [0x50, 0x4b, 0x03, 0x04], decompress: undefined },
];
const LONGEST_MAGIC = 6;

/**
 * How much output is taken: anything up to `freeBytes`, then at most `maximumRatio` times the input. A root filesystem
 * compresses 2 to 20 times; gzip's limit is 1032, and a bomb has that.
 */
export interface ExpansionLimit {
  readonly freeBytes: number;
  readonly maximumRatio: number;
}

export const EXPANSION_LIMIT: ExpansionLimit = { freeBytes: 2 * 1024 ** 3, maximumRatio: 200 };

/**
 * Takes a stream apart by its first bytes: gzip, zstd, xz and bzip2 are decompressed in this process, all else comes out as it is.
 *
 * @throws VarveError SOURCE_INVALID when compressed data is cut off, damaged or expands beyond `limit`.
 */
export async function* decompressed(
  stream: AsyncIterable<Uint8Array>,
  limit: ExpansionLimit = EXPANSION_LIMIT,
): AsyncIterable<Uint8Array> {
  const input = new CountedStream(stream);
  const head = await input.peek(LONGEST_MAGIC);
  const format = FORMATS.find(({ magic }) => magic.every((byte, index) => head[index] === byte));
  if (format === undefined) {
    yield* input;
    return;
  }
  if (format.decompress === undefined) {
    const hint = "Decompress it first and give the tar itself; gzip, zstd, xz and bzip2 are taken as they are.";
    throw new VarveError(
      "SOURCE_INVALID",
      `Cannot read the tar: it is compressed with ${format.name}, expected gzip, zstd, xz or bzip2`,
      { hint },
    );
  }
  let output = 0;
  for await (const chunk of format.decompress(input)) {
    output += chunk.length;
    if (output > limit.freeBytes && output > limit.maximumRatio * input.bytes) throw bomb(format.name, limit);
    yield chunk;
  }
}

function bomb(name: string, { maximumRatio }: ExpansionLimit): VarveError {
  const hint = "If you trust it, decompress it yourself and give the tar.";
  const problem = `its ${name} data expands more than ${maximumRatio} times`;
  return new VarveError("SOURCE_INVALID", `Cannot read the tar: ${problem}, which is how bombs are made`, { hint });
}

/** Reads a stream once, counts its bytes and lets the first ones be seen beforehand. */
class CountedStream implements AsyncIterable<Uint8Array> {
  bytes = 0;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #peeked: Uint8Array[] = [];

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#source = stream[Symbol.asyncIterator]();
  }

  async peek(length: number): Promise<Uint8Array> {
    let seen = 0;
    while (seen < length) {
      const next = await this.#source.next();
      if (next.done === true) break;
      this.#peeked.push(next.value);
      seen += next.value.length;
    }
    return Buffer.concat(this.#peeked).subarray(0, length);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    try {
      for (let peeked = this.#peeked.shift(); peeked !== undefined; peeked = this.#peeked.shift()) yield this.#count(peeked);
      for (;;) {
        const next = await this.#source.next();
        if (next.done === true) return;
        yield this.#count(next.value);
      }
    } finally {
      await this.#source.return?.();
    }
  }

  #count(chunk: Uint8Array): Uint8Array {
    this.bytes += chunk.length;
    return chunk;
  }
}
