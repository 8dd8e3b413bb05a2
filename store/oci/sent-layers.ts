import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { openRegularFile, readRegularFile } from "../../linux/regular-file.js";
import { closeSync, fstatSync, readSync } from "node:fs";
import type { LayerId } from "../../core/model/ids.js";
import { blobDigest, isBlobDigest, type BlobRecord } from "../../core/model/image.js";
import type { OutgoingBlob } from "../../core/ports/outgoing-blob.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { layerCorrupt } from "../erofs/layer-corrupt.js";
import { gzipped } from "../tar/gzip-stream.js";
import type { StoreLayout } from "../store-layout.js";

type SendingLayout = Pick<StoreLayout, "layer" | "sent">;

const PIECE_BYTES = 1 << 18;
const LARGEST_TABLE_BYTES = 2 ** 26;
/** Another zlib may give other bytes. */
const ZLIB = process.versions.zlib;

/**
 * Layer images as they are sent: compressed by gzip. What they become so is written down in views/sent, a line a layer, so that a registry which has them
 * can be told so without compressing them again.
 */
export class SentLayers {
  readonly #layout: SendingLayout;
  readonly #mediaType: string;
  readonly #known: Map<string, Omit<BlobRecord, "mediaType">>;

  constructor(layout: SendingLayout, mediaType: string) {
    this.#layout = layout;
    this.#mediaType = mediaType;
    this.#known = readTable(layout.sent);
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

  async blob(id: LayerId): Promise<OutgoingBlob> {
    const open = (): AsyncIterable<Uint8Array> => gzipped(this.#pieces(id));
    const known = this.#known.get(id) ?? (await this.#find(id, open()));
    return { record: { mediaType: this.#mediaType, ...known }, open };
  }

  async #find(id: LayerId, stream: AsyncIterable<Uint8Array>): Promise<Omit<BlobRecord, "mediaType">> {
    const hash = createHash("sha256");
    let size = 0;
    for await (const piece of stream) {
      hash.update(piece);
      size += piece.length;
    }
    const record = { digest: blobDigest(hash.digest("hex")), size };
    this.#known.set(id, record);
    try {
      appendFileSync(this.#layout.sent, `${id} ${ZLIB} ${record.digest} ${record.size}\n`);
    } catch {
      // Then it is compressed again the next time.
    }
    return record;
  }

  async *#pieces(id: LayerId): AsyncGenerator<Uint8Array> {
    const fd = this.#open(id);
    try {
      for (;;) {
        if (isTurnDue()) await yieldToSignals();
        // A new one each time: the compressor may hold on to it.
        const piece = Buffer.allocUnsafe(PIECE_BYTES);
        const count = readSync(fd, piece);
        if (count === 0) return;
        yield piece.subarray(0, count);
      }
    } finally {
      closeSync(fd);
    }
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

/** Lines of another form, as a crash may leave one, tell nothing. */
function readTable(file: string): Map<string, Omit<BlobRecord, "mediaType">> {
  const known = new Map<string, Omit<BlobRecord, "mediaType">>();
  let text: string;
  try {
    text = readRegularFile(file, { largest: LARGEST_TABLE_BYTES }).toString("latin1");
  } catch {
    return known;
  }
  for (const line of text.split("\n")) {
    const [id = "", zlib, digest, size = ""] = line.split(" ");
    if (zlib === ZLIB && isBlobDigest(digest) && /^[0-9]{1,15}$/.test(size)) known.set(id, { digest, size: Number(size) });
  }
  return known;
}
