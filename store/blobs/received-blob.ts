import { closeSync, fsyncSync, openSync, readSync, rmSync } from "node:fs";
import type { BlobDigest } from "../../core/model/image.js";
import type { BlobReception } from "../../core/ports/blobs.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { writeFully } from "../durable-file.js";
import { systemFailure } from "../system-failure.js";

const PIECE_BYTES = 1 << 18;

/** Blobs.receive: a scratch file that is read while it grows. It is made with its first byte, since many may wait for their turn. */
export class ReceivedBlob implements BlobReception {
  readonly #scratch: string;
  readonly #publish: (scratch: string, digest: BlobDigest) => void;
  #fd: number | undefined;
  #written = 0;
  #isWhole = false;
  #failure: { readonly cause: unknown } | undefined;
  #hasMore: Promise<void>;
  #tellMore: () => void = () => undefined;

  /** @param publish Puts the finished file in place. */
  constructor(scratch: string, publish: (scratch: string, digest: BlobDigest) => void) {
    this.#scratch = scratch;
    this.#publish = publish;
    this.#hasMore = new Promise((resolve) => (this.#tellMore = resolve));
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  async fill(stream: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      this.#doing(() => (this.#fd = openSync(this.#scratch, "wx+", 0o644)));
      for await (const piece of stream) {
        this.#doing(() => writeFully(this.#fd!, piece));
        this.#written += piece.length;
        this.#wake();
      }
      this.#isWhole = true;
      this.#wake();
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#wake();
  }

  async *open(): AsyncGenerator<Uint8Array> {
    for (let at = 0; ;) {
      if (isTurnDue()) await yieldToSignals();
      if (this.#failure !== undefined) throw this.#failure.cause;
      if (at < this.#written) {
        // A new one each time: who reads may hold on to it.
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, this.#written - at));
        const count = this.#doing(() => readSync(this.#fd!, piece, 0, piece.length, at));
        at += count;
        yield piece.subarray(0, count);
      } else if (this.#isWhole) return;
      else await this.#hasMore;
    }
  }

  keep(digest: BlobDigest): void {
    if (this.#fd === undefined) return;
    this.#doing(() => fsyncSync(this.#fd!));
    this.#publish(this.#scratch, digest);
  }

  discard(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#scratch, { force: true });
  }

  #wake(): void {
    this.#tellMore();
    this.#hasMore = new Promise((resolve) => (this.#tellMore = resolve));
  }

  #doing<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw systemFailure("keep a blob", error, this.#scratch);
    }
  }
}
