import { Readable } from "node:stream";
import { VarveError } from "../../core/errors.js";
import { compressionFault } from "./compression-fault.js";

/** An xz stream, by WebAssembly in this process. */
export async function* unxzed(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { XzReadableStream } = (await import("xz-decompress")).default;
  let sourceFailure: Error | undefined;
  const source = Readable.toWeb(
    Readable.from(
      failuresNoted(stream, (error) => (sourceFailure = error)),
      { objectMode: false },
    ),
  );
  try {
    const plain = new XzReadableStream(source as ReadableStream<Uint8Array>);
    yield* plain as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (sourceFailure !== undefined) throw sourceFailure;
    if (error instanceof VarveError) throw error;
    throw compressionFault("xz", "is cut off or damaged", error);
  }
}

/** The package wraps what its source throws; this keeps the original. */
async function* failuresNoted(stream: AsyncIterable<Uint8Array>, note: (error: Error) => void): AsyncIterable<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    if (error instanceof Error) note(error);
    throw error;
  }
}
