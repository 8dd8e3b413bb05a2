import { ROW_BYTES, type Segment } from "./segment-file.js";

const FIRST_ROWS = 64;

/** Rows of a segment to be, in any order. */
export class ContentRows {
  count = 0;
  readonly #layers: string[] = [];
  readonly #numbers = new Map<string, number>();
  #rows = Buffer.alloc(FIRST_ROWS * ROW_BYTES);

  /** @param digests Holds the content's SHA-256 from `at` on. */
  add(layer: string, digests: Buffer, at: number, nid: number): void {
    const row = this.#next();
    digests.copy(this.#rows, row, at, at + 8);
    this.#rows.writeUInt32LE(this.#number(layer), row + 8);
    this.#rows.writeUInt32LE(nid, row + 12);
  }

  /** Takes over the rows of layers that are still there. */
  addSegment({ layers, rows }: Segment, isStored: (layer: string) => boolean): void {
    const kept = layers.map((layer) => isStored(layer));
    for (let at = 0; at < rows.length; at += ROW_BYTES) {
      const layer = rows.readUInt32LE(at + 8);
      if (kept[layer] === true) this.add(layers[layer] as string, rows, at, rows.readUInt32LE(at + 12));
    }
  }

  segment(): Segment {
    const order = new Uint32Array(this.count).map((_, row) => row);
    order.sort((a, b) => this.#compare(a, b));
    const sorted = Buffer.allocUnsafe(this.count * ROW_BYTES);
    order.forEach((row, index) => this.#rows.copy(sorted, index * ROW_BYTES, row * ROW_BYTES, (row + 1) * ROW_BYTES));
    return { layers: this.#layers, rows: sorted };
  }

  #compare(a: number, b: number): number {
    const high = this.#rows.readUInt32BE(a * ROW_BYTES) - this.#rows.readUInt32BE(b * ROW_BYTES);
    return high !== 0 ? high : this.#rows.readUInt32BE(a * ROW_BYTES + 4) - this.#rows.readUInt32BE(b * ROW_BYTES + 4);
  }

  #number(layer: string): number {
    let number = this.#numbers.get(layer);
    if (number === undefined) {
      number = this.#layers.push(layer) - 1;
      this.#numbers.set(layer, number);
    }
    return number;
  }

  #next(): number {
    const row = this.count * ROW_BYTES;
    if (row === this.#rows.length) this.#rows = Buffer.concat([this.#rows, Buffer.alloc(this.#rows.length)]);
    this.count += 1;
    return row;
  }
}
