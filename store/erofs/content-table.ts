import { grown, grownBuffer } from "./growing-arrays.js";
import type { BlockRun } from "./block-runs.js";

export const DIGEST_BYTES = 32;
const FIRST_CAPACITY = 256;

/** Where a content of the layer stands. */
export const PLACE = {
  /** In the inode: `start` is a position of the spill arena. */
  inline: 0,
  /** Consecutive blocks of this image: `start` is a block of the data region. */
  plain: 1,
  /** Blocks here or in other images, and holes: `start` is a row of the run table. */
  chunks: 2,
  /** In a layer below, at a path that the inode tells. */
  below: 3,
} as const;

/** The contents of the layer being written, each digest once, as columns. A content's number is its row in the digest table, less 1. */
export class ContentTable {
  count = 0;
  /** Whether a content is in chunks. */
  hasChunks = false;
  size: Float64Array = new Float64Array(FIRST_CAPACITY);
  place: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  start: Float64Array = new Float64Array(FIRST_CAPACITY);
  chunkBits: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  runCount: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  digests: Buffer = Buffer.alloc(FIRST_CAPACITY * DIGEST_BYTES);
  readonly runs: RunTable = new RunTable();
  #hasBelow = false;
  /** Open addressing: content number + 1, by the digest's first bytes. */
  #index = new Uint32Array(FIRST_CAPACITY * 2);

  add(digest: Uint8Array, size: number, place: number, start: number): number {
    const known = this.#hasBelow ? this.find(digest, size) : -1;
    if (known >= 0 && this.place[known] === PLACE.below) {
      this.place[known] = place;
      this.start[known] = start;
      return known;
    }
    const content = this.count;
    this.#reserve(content + 1);
    this.count += 1;
    this.digests.set(digest, content * DIGEST_BYTES);
    this.size[content] = size;
    this.place[content] = place;
    this.start[content] = start;
    this.#enter(content);
    return content;
  }

  /** @param runs In order of `block`, with the slot of the device that holds them (0: this image, address in the data region). */
  addChunks(digest: Uint8Array, size: number, bits: number, runs: Iterable<BlockRun & { readonly device: number }>): number {
    const first = this.runs.count;
    for (const run of runs) this.runs.add(run);
    const content = this.add(digest, size, PLACE.chunks, first);
    this.chunkBits[content] = bits;
    this.hasChunks = true;
    this.runCount[content] = this.runs.count - first;
    return content;
  }

  /** A content of which no bytes are in the layer yet. @returns Its number. */
  addBelow(digest: Uint8Array, size: number): number {
    this.#hasBelow = true;
    const known = this.find(digest, size);
    return known < 0 ? this.add(digest, size, PLACE.below, 0) : known;
  }

  /** @returns -1 when absent. */
  find(digest: Uint8Array, size: number): number {
    const mask = this.#index.length - 1;
    for (let slot = hashOf(digest, 0) & mask; ; slot = (slot + 1) & mask) {
      const content = (this.#index[slot] as number) - 1;
      if (content < 0) return -1;
      if (this.#equals(content, digest)) return this.size[content] === size ? content : -1;
    }
  }

  digest(content: number): Buffer {
    return this.digests.subarray(content * DIGEST_BYTES, (content + 1) * DIGEST_BYTES);
  }

  /** Whether blocks of it stand in this image. */
  isHeld(content: number): boolean {
    if (this.place[content] === PLACE.plain) return true;
    if (this.place[content] !== PLACE.chunks) return false;
    const first = this.start[content] as number;
    return this.runs.device.subarray(first, first + (this.runCount[content] as number)).includes(0);
  }

  /** Slots of the devices that hold blocks of it; 0 is this image. */
  devices(content: number): ReadonlySet<number> {
    if (this.place[content] !== PLACE.chunks) return new Set([0]);
    const first = this.start[content] as number;
    return new Set(this.runs.device.subarray(first, first + (this.runCount[content] as number)));
  }

  #equals(content: number, digest: Uint8Array): boolean {
    const start = content * DIGEST_BYTES;
    for (let byte = 0; byte < DIGEST_BYTES; byte += 1) if (this.digests[start + byte] !== digest[byte]) return false;
    return true;
  }

  #enter(content: number): void {
    if (this.count * 2 > this.#index.length) return this.#rehash();
    const mask = this.#index.length - 1;
    let slot = hashOf(this.digests, content * DIGEST_BYTES) & mask;
    while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
    this.#index[slot] = content + 1;
  }

  #rehash(): void {
    this.#index = new Uint32Array(this.#index.length * 2);
    for (let content = 0; content < this.count; content += 1) this.#enter(content);
  }

  #reserve(count: number): void {
    this.size = grown(this.size, count);
    this.place = grown(this.place, count);
    this.start = grown(this.start, count);
    this.chunkBits = grown(this.chunkBits, count);
    this.runCount = grown(this.runCount, count);
    this.digests = grownBuffer(this.digests, count * DIGEST_BYTES);
  }
}

/** Runs of blocks as columns. */
export class RunTable {
  count = 0;
  block: Float64Array = new Float64Array(64);
  length: Float64Array = new Float64Array(64);
  address: Uint32Array = new Uint32Array(64);
  device: Uint16Array = new Uint16Array(64);

  add({ block, count, address, device }: BlockRun & { readonly device: number }): void {
    const row = this.count;
    this.count += 1;
    this.block = grown(this.block, this.count);
    this.length = grown(this.length, this.count);
    this.address = grown(this.address, this.count);
    this.device = grown(this.device, this.count);
    this.block[row] = block;
    this.length[row] = count;
    this.address[row] = address;
    this.device[row] = device;
  }
}

/** A digest is evenly spread: its first 31 bits are hash enough. */
function hashOf(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    1
  );
}
