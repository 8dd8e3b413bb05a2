import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, rmSync } from "node:fs";
import type { LayerId } from "../../core/model/ids.js";
import { blobDigest, type SizedDigest } from "../../core/model/image.js";
import type { OutgoingBlob } from "../../core/ports/outgoing-blob.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { writeFully } from "../durable-file.js";
import { layerCorrupt } from "../erofs/layer-corrupt.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { GZIP_FORM, gzipped } from "../tar/gzip-stream.js";
import { SentTable } from "./sent-table.js";

type SendingLayout = Pick<StoreLayout, "layer" | "sent" | "scratch">;

const PIECE_BYTES = 1 << 18;
/** Below it compressing twice costs less than a file. */
const SMALLEST_SPOOLED_BYTES = 1 << 20;

/**
 * Layer images as they are sent: compressed by gzip. What they become so is remembered, so that a registry which has them can be told so without compressing
 * them again. What a large one becomes is kept in a scratch file until `close`, since it is most often sent then.
 */
export class SentLayers {
  readonly #layout: SendingLayout;
  readonly #mediaType: string;
  readonly #table: SentTable;
  readonly #spooled = new Map<LayerId, string>();

  constructor(layout: SendingLayout, mediaType: string) {
    this.#layout = layout;
    this.#mediaType = mediaType;
    this.#table = new SentTable(layout.sent);
  }

  /** @throws VarveError LAYER_CORRUPT. */
  imageBytes(id: LayerId): number {
    const fd = this.#open(id);
    try {
      return fstatSync(fd).size;
    } finally {
      closeSync(fd);
    }
  }

  isKnown(id: LayerId): boolean {
    return this.#table.find(keyOf(id)) !== undefined;
  }

  /** Several may be asked for at the same time. @throws VarveError LAYER_CORRUPT. */
  async blob(id: LayerId): Promise<OutgoingBlob> {
    const known = this.#table.find(keyOf(id)) ?? (await this.#compress(id));
    return { record: { mediaType: this.#mediaType, ...known }, open: () => this.#stream(id) };
  }

  /** Nothing is read after it. */
  close(): void {
    for (const file of this.#spooled.values()) rmSync(file, { force: true });
    this.#spooled.clear();
  }

  async #compress(id: LayerId): Promise<SizedDigest> {
    const spool = new Spool(scratchPath(this.#layout, "sent"), this.imageBytes(id) >= SMALLEST_SPOOLED_BYTES);
    try {
      const hash = createHash("sha256");
      let size = 0;
      for await (const piece of gzipped(pieces(() => this.#open(id)))) {
        hash.update(piece);
        size += piece.length;
        spool.write(piece);
      }
      const record = { digest: blobDigest(hash.digest("hex")), size };
      this.#table.add(keyOf(id), record);
      const file = spool.end();
      if (file !== undefined) this.#spooled.set(id, file);
      return record;
    } catch (error) {
      spool.giveUp();
      throw error;
    }
  }

  #stream(id: LayerId): AsyncIterable<Uint8Array> {
    const spool = this.#spooled.get(id);
    return spool === undefined ? gzipped(pieces(() => this.#open(id))) : pieces(() => openRegularFile(spool));
  }

  #open(id: LayerId): number {
    const file = this.#layout.layer(id);
    try {
      return openRegularFile(file);
    } catch (error) {
      throw layerCorrupt(id, "it can't be read", file, error);
    }
  }
}

/** A scratch file that is filled. One that can't be written, on a full disk or in a store that is read alone, is given up: it saves time, and nothing else. */
class Spool {
  readonly #file: string;
  #fd: number | undefined;

  constructor(file: string, isWanted: boolean) {
    this.#file = file;
    try {
      if (isWanted) this.#fd = openSync(file, "wx", 0o600);
    } catch {
      this.#fd = undefined;
    }
  }

  write(piece: Uint8Array): void {
    if (this.#fd === undefined) return;
    try {
      writeFully(this.#fd, piece);
    } catch {
      this.giveUp();
    }
  }

  /** @returns The file, which is whole. */
  end(): string | undefined {
    if (this.#fd === undefined) return undefined;
    closeSync(this.#fd);
    this.#fd = undefined;
    return this.#file;
  }

  giveUp(): void {
    if (this.end() !== undefined) rmSync(this.#file, { force: true });
  }
}

const keyOf = (id: LayerId): string => `${id} ${GZIP_FORM}`;

async function* pieces(open: () => number): AsyncGenerator<Uint8Array> {
  const fd = open();
  try {
    for (;;) {
      if (isTurnDue()) await yieldToSignals();
      // A new one each time: who reads may hold on to it.
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const count = readSync(fd, piece);
      if (count === 0) return;
      yield piece.subarray(0, count);
    }
  } finally {
    closeSync(fd);
  }
}
