import { createHash } from "node:crypto";
import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import type { ContentReader, Extent, FileContent, StoredContent } from "../../core/model/tree.js";
import type { ContentSink } from "../../core/ports/layer-store.js";

/** A file's bytes and where its holes lie. */
export class MemoryStored implements StoredContent {
  readonly layers: readonly LayerId[] = [];
  readonly size: number;
  readonly digest: ContentDigest;
  readonly bytes: Buffer;
  readonly extents: readonly Extent[];

  constructor(bytes: Buffer, extents: readonly Extent[]) {
    this.bytes = bytes;
    this.extents = extents;
    this.size = bytes.length;
    this.digest = createHash("sha256").update(bytes).digest("hex") as ContentDigest;
  }
}

export class MemoryContent implements FileContent {
  readonly stored: MemoryStored;

  constructor(stored: MemoryStored) {
    this.stored = stored;
  }

  get size(): number {
    return this.stored.size;
  }

  get knownDigest(): ContentDigest {
    return this.stored.digest;
  }

  digest(): ContentDigest {
    return this.stored.digest;
  }

  extents(): readonly Extent[] {
    return this.stored.extents;
  }

  open(): ContentReader {
    const read = (buffer: Uint8Array, position: number): number => {
      const piece = this.stored.bytes.subarray(position, position + buffer.length);
      buffer.set(piece);
      return piece.length;
    };
    return { read, verify: () => undefined, close: () => undefined };
  }
}

/** Collects what is pushed. */
export class MemorySink implements ContentSink {
  readonly #keep: (stored: MemoryStored) => StoredContent;
  readonly #pieces: Buffer[] = [];
  readonly #extents: Extent[] = [];
  #size = 0;

  constructor(keep: (stored: MemoryStored) => StoredContent) {
    this.#keep = keep;
  }

  write(bytes: Uint8Array): void {
    this.#add(Buffer.from(bytes), "data");
  }

  hole(length: number): void {
    this.#add(Buffer.alloc(length), "hole");
  }

  close(): StoredContent {
    return this.#keep(new MemoryStored(Buffer.concat(this.#pieces), this.#extents));
  }

  #add(piece: Buffer, kind: Extent["kind"]): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    const last = this.#extents.at(-1);
    if (last?.kind === kind) this.#extents.splice(-1, 1, { ...last, length: last.length + piece.length });
    else this.#extents.push({ offset: this.#size, length: piece.length, kind });
    this.#size += piece.length;
  }
}

/** Reads content wholly. @throws VarveError SOURCE_CHANGED when it changed meanwhile. */
export function storedFrom(content: FileContent): MemoryStored {
  const extents = [...content.extents()];
  const bytes = Buffer.alloc(content.size);
  const reader = content.open();
  try {
    for (let position = 0; position < bytes.length;) {
      const length = reader.read(bytes.subarray(position), position);
      if (length === 0) break;
      position += length;
    }
    reader.verify();
  } finally {
    reader.close();
  }
  return new MemoryStored(bytes, extents);
}
