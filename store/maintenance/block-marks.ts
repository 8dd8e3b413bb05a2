import type { LayerId } from "../../core/model/ids.js";
import { BLOCK_BYTES } from "../erofs/image-format.js";
import type { ImageFileContent } from "../erofs/image-content.js";
import { ImageStoredContent } from "../erofs/stored-content.js";

/** Bits, of which more are there when they are needed. */
class Bits {
  #bytes: Uint8Array = new Uint8Array(64);

  /** @returns Whether it was not set. */
  set(bit: number): boolean {
    const at = Math.floor(bit / 8);
    if (at >= this.#bytes.length) this.#grow(at + 1);
    const before = this.#bytes[at] as number;
    const after = before | (1 << (bit % 8));
    this.#bytes[at] = after;
    return after !== before;
  }

  #grow(length: number): void {
    const bytes = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}

interface Marks {
  readonly blocks: Bits;
  /** Inodes with their content behind them, by nid. */
  readonly inodes: Bits;
  bytes: number;
}

/** Which contents of which layers something uses. What is marked twice counts once. */
export class BlockMarks {
  readonly #layers = new Map<LayerId, Marks>();

  /** @param wanted Passes over the contents of other layers. */
  mark(content: ImageFileContent, wanted: (layer: LayerId) => boolean = () => true): void {
    if (content.size < BLOCK_BYTES) {
      const { layer, nid } = content.inode;
      if (!wanted(layer)) return;
      const marks = this.#of(layer);
      if (marks.inodes.set(nid)) marks.bytes += content.size;
      return;
    }
    const { stored } = content;
    if (!(stored instanceof ImageStoredContent)) return;
    for (const { layer, address, count } of stored.runs ?? []) {
      if (!wanted(layer)) continue;
      const marks = this.#of(layer);
      for (let block = address; block < address + count; block += 1) if (marks.blocks.set(block)) marks.bytes += BLOCK_BYTES;
    }
  }

  bytes(layer: LayerId): number {
    return this.#layers.get(layer)?.bytes ?? 0;
  }

  all(): ReadonlyMap<LayerId, number> {
    return new Map([...this.#layers].map(([layer, { bytes }]) => [layer, bytes]));
  }

  #of(layer: LayerId): Marks {
    let marks = this.#layers.get(layer);
    if (marks === undefined) this.#layers.set(layer, (marks = { blocks: new Bits(), inodes: new Bits(), bytes: 0 }));
    return marks;
  }
}
