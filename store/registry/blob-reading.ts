import type { Body } from "./exchange.js";

/** A blob's bytes under way. */
interface Stream {
  readonly pieces: AsyncIterator<Uint8Array>;
  /** What was read and not taken. */
  rest: Uint8Array;
  /** Where in the blob `rest` begins. */
  offset: number;
}

const NONE = new Uint8Array(0);

/**
 * Parts of a blob whose bytes may be costly to make, such as those of a layer that is compressed on its way: a part that begins where the last one ended
 * goes on with the same bytes, any other begins with them anew.
 */
export class BlobReading {
  readonly #open: () => AsyncIterable<Uint8Array>;
  /** Only where a part was taken to its end: of one that was cut nobody knows how far it came. */
  #waiting: Stream | undefined;

  constructor(open: () => AsyncIterable<Uint8Array>) {
    this.#open = open;
  }

  part(from: number, length: number): Body {
    return { length, open: () => this.#read(from, length) };
  }

  async close(): Promise<void> {
    const stream = this.#waiting;
    this.#waiting = undefined;
    await stream?.pieces.return?.();
  }

  async *#read(from: number, length: number): AsyncGenerator<Uint8Array> {
    const stream = await this.#streamAt(from);
    let isTaken = false;
    try {
      const end = from + length;
      while (stream.offset < end) {
        if (stream.rest.length === 0) {
          const next = await stream.pieces.next();
          if (next.done === true) return;
          stream.rest = next.value;
        }
        const count = Math.min(stream.rest.length, (stream.offset < from ? from : end) - stream.offset);
        const piece = stream.rest.subarray(0, count);
        const isWanted = stream.offset >= from && count > 0;
        stream.rest = stream.rest.subarray(count);
        stream.offset += count;
        if (isWanted) yield piece;
      }
      isTaken = true;
    } finally {
      if (isTaken) this.#waiting = stream;
      else await stream.pieces.return?.();
    }
  }

  async #streamAt(from: number): Promise<Stream> {
    const stream = this.#waiting;
    if (stream?.offset !== from) await this.close();
    this.#waiting = undefined;
    if (stream?.offset === from) return stream;
    return { pieces: this.#open()[Symbol.asyncIterator](), rest: NONE, offset: 0 };
  }
}
