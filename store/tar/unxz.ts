import { Readable } from "node:stream";
import { VarveError } from "../../core/errors.js";
import { compressionFault, compressionRefused } from "./compression-fault.js";
import { XZ_HEAD_BYTES, xzDictionaryBytes } from "./xz-dictionary.js";

/** An xz stream, by WebAssembly in this process. */
export async function* unxzed(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { XzReadableStream } = (await import("xz-decompress")).default;
  const watched = new WatchedStream(stream);
  const source = Readable.toWeb(Readable.from(watched, { objectMode: false }));
  try {
    const plain = new XzReadableStream(source as ReadableStream<Uint8Array>);
    yield* plain as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (watched.failure !== undefined) throw watched.failure;
    throw error instanceof VarveError ? error : xzFault(error, watched.head);
  }
}

/** The package's own limit. */
const MOST_DICTIONARY_BYTES = 64 * 1024 ** 2;
/** Of enum xz_ret in xz-embedded's linux/xz.h; the package puts it at the end of its message. */
const XZ_MEMLIMIT_ERROR = "4";
const XZ_OPTIONS_ERROR = "6";

function xzFault(error: unknown, head: Uint8Array): VarveError {
  const code = /error code (\d+)$/.exec((error as Error).message)?.[1];
  if (code === XZ_MEMLIMIT_ERROR) {
    const wanted = xzDictionaryBytes(head);
    const problem = `needs a dictionary of ${wanted ?? "more"} bytes, expected at most ${MOST_DICTIONARY_BYTES}`;
    return compressionRefused("xz", problem, error);
  }
  if (code === XZ_OPTIONS_ERROR) {
    return compressionRefused("xz", "has other filters than LZMA2, or other checks than CRC32 and CRC64", error);
  }
  return compressionFault("xz", "is cut off or damaged", error);
}

/** The package wraps what its source throws; this keeps the original, and the first bytes. */
class WatchedStream implements AsyncIterable<Uint8Array> {
  failure: Error | undefined;
  head: Uint8Array = new Uint8Array();
  readonly #stream: AsyncIterable<Uint8Array>;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#stream = stream;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    try {
      for await (const chunk of this.#stream) {
        if (this.head.length < XZ_HEAD_BYTES) this.head = Buffer.concat([this.head, chunk.subarray(0, XZ_HEAD_BYTES)]);
        yield chunk;
      }
    } catch (error) {
      if (error instanceof Error) this.failure = error;
      throw error;
    }
  }
}
