import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createGunzip, type Gunzip, type ZlibOptions } from "node:zlib";
import { compressionFault } from "./compression-fault.js";
import { isZero } from "./header-block.js";

const CHUNK_BYTES = 256 * 1024;
/** Chunks that are decompressed, in another thread, while the reader is busy with what came before: some take long, and some no time. */
const CHUNKS_AHEAD = 16;
/** The types of zlib leave out what it hands on to its stream. */
const OPTIONS: ZlibOptions & { readonly readableHighWaterMark: number } = {
  chunkSize: CHUNK_BYTES,
  readableHighWaterMark: CHUNKS_AHEAD * CHUNK_BYTES,
};

/** One or more gzip members. Zeros may follow the last one (tapes pad so), nothing else. */
export async function* gunzipped(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip(OPTIONS);
  const feed = new GunzipFeed(stream, gunzip);
  const source = Readable.from(feed.chunks(), { objectMode: false, highWaterMark: 64 * 1024 });
  source.on("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      yield chunk;
      // What zlib's thread has done is heard of in a turn of the event loop only: without one it would rest while chunks that wait are taken.
      await setImmediate();
    }
    // zlib stops at a zero after a member, without a look at what comes then.
    for await (const rest of feed.rest()) {
      if (!isZero(rest)) throw compressionFault("gzip", "is followed by something else");
    }
  } catch (error) {
    throw isZlibError(error) ? compressionFault("gzip", "is cut off or damaged", error) : error;
  } finally {
    source.destroy();
    gunzip.destroy();
    feed.close();
  }
}

/** Feeds the decompressor, and remembers what it has not taken yet. */
class GunzipFeed {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #gunzip: Gunzip;
  #untaken: { readonly start: number; readonly bytes: Buffer }[] = [];
  #fed = 0;

  constructor(stream: AsyncIterable<Uint8Array>, gunzip: Gunzip) {
    this.#source = stream[Symbol.asyncIterator]();
    this.#gunzip = gunzip;
  }

  async *chunks(): AsyncIterable<Buffer> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) return;
      const { buffer, byteOffset, byteLength } = next.value;
      const bytes = Buffer.from(buffer, byteOffset, byteLength);
      this.#untaken = this.#untaken.filter((part) => part.start + part.bytes.length > this.#gunzip.bytesWritten);
      this.#untaken.push({ start: this.#fed, bytes });
      this.#fed += bytes.length;
      yield bytes;
    }
  }

  /** Not waited for: a source that is silent must not hold up the failure that is on its way. */
  close(): void {
    this.#source.return?.().catch(() => undefined);
  }

  /** What follows the last member. */
  async *rest(): AsyncIterable<Buffer> {
    const taken = this.#gunzip.bytesWritten;
    for (const { start, bytes } of this.#untaken) yield bytes.subarray(Math.max(0, taken - start));
    this.#untaken = [];
    for await (const bytes of this.chunks()) yield bytes;
  }
}

function isZlibError(error: unknown): boolean {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && code.startsWith("Z_");
}
