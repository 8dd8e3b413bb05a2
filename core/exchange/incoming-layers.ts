import type { BlobDigest } from "../model/image.js";
import type { BlobCopy, BlobReception, Blobs } from "../ports/blobs.js";
import type { OpenedImage, SourceLayer } from "../ports/images.js";
import type { TransferEvent } from "../ports/registries.js";
import { atOnce } from "./at-once.js";

/** How many layers are transferred at once, when nobody says. */
export const TRANSFERS_AT_ONCE = 4;

export interface IncomingLayersOptions {
  /** Layers that are transferred at once. */
  readonly jobs?: number | undefined;
  /** Hears of each layer that comes through a network. */
  readonly onTransfer?: ((event: TransferEvent) => void) | undefined;
}

/** A layer's bytes as they were transferred, on their way to whoever reads them. */
export interface IncomingLayer {
  readonly stream: AsyncIterable<Uint8Array>;
  /** When all was read: keeps the bytes as they came, where that was asked for. Durable when it returns. */
  keep(): void;
  /** Does nothing after `keep`. */
  discard(): void;
}

interface Ahead {
  readonly source: SourceLayer;
  readonly reception: BlobReception;
  /** How many steps are still to read it. */
  readers: number;
  /** Whether one of them has begun to. */
  isRead: boolean;
}

/** What layers come of, and what ends their transfers where they come through a network: see `OpenedImage`. */
export type LayerSource = Pick<OpenedImage, "layers" | "stopTransfers">;

/** Layers that are there and that nobody reads yet: each takes a file, and its room. */
const MOST_WAITING = 32;

/**
 * The layers of one image, which are read one after the other. Where they come through a network, those that will be read are transferred side by side into
 * scratch files, and each is read as it comes; a single one goes straight to its reader.
 */
export class IncomingLayers {
  readonly #blobs: Blobs;
  readonly #image: LayerSource;
  readonly #onTransfer: (event: TransferEvent) => void;
  readonly #ahead = new Map<BlobDigest, Ahead>();
  readonly #transfers: Promise<void>;
  #waiting = 0;
  #hasRoom: Promise<void>;
  #tellRoom: () => void = () => undefined;
  #isOver = false;

  /** @param wanted Those that will be read, in this order. Others may be asked for, too. */
  constructor(blobs: Blobs, image: LayerSource, wanted: readonly SourceLayer[], options: IncomingLayersOptions) {
    this.#blobs = blobs;
    this.#image = image;
    this.#onTransfer = options.onTransfer ?? (() => undefined);
    this.#hasRoom = new Promise((resolve) => (this.#tellRoom = resolve));
    if (image.stopTransfers !== undefined) this.#tellKnown(wanted);
    const distinct = new Set(wanted.map(({ record }) => record?.digest));
    const isAhead = image.stopTransfers !== undefined && distinct.size > 1;
    this.#transfers = isAhead ? this.#begin(wanted, options.jobs ?? TRANSFERS_AT_ONCE) : Promise.resolve();
    // Its failure is told by each reader.
    this.#transfers.catch(() => undefined);
  }

  /** @param keeps Whether its bytes are to be kept as they come. */
  open(source: SourceLayer, keeps: boolean): IncomingLayer {
    const ahead = source.record && this.#ahead.get(source.record.digest);
    if (ahead === undefined || source.record === undefined) return this.#direct(source, keeps);
    const { digest } = source.record;
    this.#read(ahead);
    return {
      stream: ahead.reception.open(),
      keep: () => (keeps ? ahead.reception.keep(digest) : undefined),
      discard: () => {
        ahead.readers -= 1;
        if (ahead.readers > 0 || !ahead.reception.isWhole) return;
        this.#ahead.delete(digest);
        ahead.reception.discard();
      },
    };
  }

  /** One that is there. */
  take(stream: AsyncIterable<Uint8Array>, keeps: boolean): IncomingLayer {
    const copy: BlobCopy | undefined = keeps ? this.#blobs.copy(stream) : undefined;
    return { stream: copy?.stream ?? stream, keep: () => void copy?.keep(), discard: () => copy?.discard() };
  }

  /** Ends what is under way, and removes what nobody has kept. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#wake();
    if ([...this.#ahead.values()].some(({ reception }) => !reception.isWhole)) this.#image.stopTransfers?.();
    await this.#transfers.catch(() => undefined);
    for (const { reception } of this.#ahead.values()) reception.discard();
    this.#ahead.clear();
  }

  #tellKnown(wanted: readonly SourceLayer[]): void {
    const coming = new Set(wanted.map(({ record }) => record?.digest));
    const known = this.#image.layers.flatMap(({ record }) => (record === undefined || coming.has(record.digest) ? [] : [record]));
    for (const { digest, size } of new Map(known.map((record) => [record.digest, record])).values())
      this.#onTransfer({ digest, size, done: 0, state: "there" });
  }

  #direct(source: SourceLayer, keeps: boolean): IncomingLayer {
    return this.take(this.#image.stopTransfers === undefined ? source.open() : this.#told(source), keeps);
  }

  async #begin(wanted: readonly SourceLayer[], jobs: number): Promise<void> {
    for (const source of wanted) {
      const digest = source.record?.digest;
      if (digest === undefined) continue;
      const known = this.#ahead.get(digest);
      if (known === undefined) this.#ahead.set(digest, { source, reception: this.#blobs.receive(), readers: 1, isRead: false });
      else known.readers += 1;
    }
    const all = [...this.#ahead.values()];
    const receive = async (ahead: Ahead): Promise<void> => {
      while (!this.#isOver && this.#waiting >= MOST_WAITING) await this.#hasRoom;
      if (this.#isOver) return;
      await ahead.reception.fill(this.#told(ahead.source));
      if (!ahead.isRead) this.#waiting += 1;
    };
    await atOnce(all, jobs, receive, (failure) => {
      this.#image.stopTransfers?.();
      this.#isOver = true;
      this.#wake();
      // Who reads a layer that is there hears of it, too: nothing comes of the rest.
      for (const { reception } of all) reception.fail(failure);
    });
  }

  /** They are begun in the order in which they are read, so that whoever reads one never waits for room. */
  #read(ahead: Ahead): void {
    if (ahead.isRead) return;
    ahead.isRead = true;
    if (!ahead.reception.isWhole) return;
    this.#waiting -= 1;
    this.#wake();
  }

  #wake(): void {
    this.#tellRoom();
    this.#hasRoom = new Promise((resolve) => (this.#tellRoom = resolve));
  }

  async *#told(source: SourceLayer): AsyncGenerator<Uint8Array> {
    const { digest = source.name, size = 0 } = source.record ?? {};
    let done = 0;
    for await (const piece of source.open()) {
      yield piece;
      done += piece.length;
      this.#onTransfer({ digest, size, done, state: "moving" });
    }
    this.#onTransfer({ digest, size, done, state: "done" });
  }
}
