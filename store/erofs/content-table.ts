import { chunkCount } from "./block-runs.js";
import { ContentPlaces, PLACE, RunTable, type LentRun } from "./content-places.js";
import { grown, grownBuffer } from "./growing-arrays.js";
import { blocksOf } from "./image-format.js";

export const DIGEST_BYTES = 32;
/** What has more chunks, or is not in whole blocks, is left to the layers below when they show it. */
export const LONGEST_INDEX = 64;
const FIRST_CAPACITY = 256;

/** What a content became, or would become, in the data region. */
export interface WrittenContent {
  /** Block of the data region at which it begins. */
  readonly start: number;
  /** Blocks of the data region that it takes. */
  readonly blocks: number;
  /** In order of `block`, addresses in the data region; absent for consecutive blocks without holes. */
  readonly runs?: readonly LentRun[] | undefined;
  /** With runs: log2 of the blocks in a chunk. */
  readonly chunkBits?: number | undefined;
}

/**
 * The contents of the layer being written, each digest once, as columns. A content's number is its row in the digest table, less 1.
 *
 * Contents may be borrowed from layers outside of the chain. Then the table also tells where everything would stand in the layer's canonical
 * image, which borrows from the chain alone.
 */
export class ContentTable {
  count = 0;
  size: Float64Array = new Float64Array(FIRST_CAPACITY);
  digests: Buffer = Buffer.alloc(FIRST_CAPACITY * DIGEST_BYTES);
  /** In the image that is written. */
  readonly places: ContentPlaces = new ContentPlaces();
  readonly runs: RunTable = new RunTable();
  /** In the canonical image; absent while that is this one. */
  canonical: ContentPlaces | undefined;
  /** Blocks of data that the canonical image has so far and the written one has not. */
  skippedBlocks = 0;
  #hasBelow = false;
  /** Open addressing: content number + 1, by the digest's first bytes. */
  #index = new Uint32Array(FIRST_CAPACITY * 2);

  /** A content that follows its inodes. @param start Position in the spill arena. */
  addInline(digest: Uint8Array, size: number, start: number): number {
    const content = this.#enter(digest, size);
    this.#place(content, { place: PLACE.inline, start, chunkBits: 0, runCount: 0 });
    return content;
  }

  addWritten(digest: Uint8Array, size: number, written: WrittenContent): number {
    const content = this.#enter(digest, size);
    this.places.set(content, this.#writtenPlace(written, 0));
    this.canonical?.set(content, this.#writtenPlace(written, this.skippedBlocks));
    return content;
  }

  /** A content of layers of the chain. @param runs In order of `block`. */
  addLent(digest: Uint8Array, size: number, chunkBits: number, runs: readonly LentRun[]): number {
    const content = this.#enter(digest, size);
    this.#place(content, this.#chunks(runs, chunkBits, 0));
    return content;
  }

  /** A content of other layers. @param canonical What it would be in an image that may not borrow it; none of its data is written. */
  addLentFromOutside(
    digest: Uint8Array,
    size: number,
    chunkBits: number,
    runs: readonly LentRun[],
    canonical: WrittenContent,
  ): number {
    this.canonical ??= this.places.copy();
    const content = this.#enter(digest, size);
    this.places.set(content, this.#chunks(runs, chunkBits, 0));
    this.canonical.set(content, this.#writtenPlace(canonical, this.skippedBlocks));
    this.skippedBlocks += canonical.blocks;
    return content;
  }

  /** A content of which no bytes are in the layer yet. @returns Its number. */
  addBelow(digest: Uint8Array, size: number): number {
    this.#hasBelow = true;
    // Its inodes have the chunk layout.
    this.places.hasChunks = true;
    if (this.canonical !== undefined) this.canonical.hasChunks = true;
    const known = this.#find(digest, size);
    if (known >= 0) return known;
    const content = this.#enter(digest, size);
    this.#place(content, { place: PLACE.below, start: 0, chunkBits: 0, runCount: 0 });
    return content;
  }

  /** @returns -1 when the layer has no bytes of it, and points at none. */
  find(digest: Uint8Array, size: number): number {
    const content = this.#find(digest, size);
    return content >= 0 && this.places.place[content] === PLACE.below ? -1 : content;
  }

  digest(content: number): Buffer {
    return this.digests.subarray(content * DIGEST_BYTES, (content + 1) * DIGEST_BYTES);
  }

  /** Whether blocks of it stand in this image. */
  isHeld(content: number): boolean {
    const place = this.places.place[content];
    return place === PLACE.plain || (place === PLACE.chunks && this.lenders(content).has(0));
  }

  /**
   * Whether inodes take much room for it, though no data: for its bytes, fewer than a block, or for a long index of other layers' blocks. Asked of the
   * canonical image, so that both are made in one way.
   */
  isLong(content: number): boolean {
    const { place, chunkBits, start, runCount } = this.canonical ?? this.places;
    const size = this.size[content] as number;
    if (place[content] === PLACE.inline) return size > 0;
    if (place[content] !== PLACE.chunks) return false;
    const first = start[content] as number;
    const isLent = !this.runs.lender.subarray(first, first + (runCount[content] as number)).includes(0);
    return isLent && chunkCount(blocksOf(size), chunkBits[content] as number) > LONGEST_INDEX;
  }

  /** Numbers of the layers that hold blocks of it; 0 is this image. */
  lenders(content: number): ReadonlySet<number> {
    if (this.places.place[content] !== PLACE.chunks) return new Set([0]);
    const first = this.places.start[content] as number;
    return new Set(this.runs.lender.subarray(first, first + (this.places.runCount[content] as number)));
  }

  #place(content: number, place: Parameters<ContentPlaces["set"]>[1]): void {
    this.places.set(content, place);
    this.canonical?.set(content, place);
  }

  /** @param skipped Blocks of data that the image has before, beyond those that are written. */
  #writtenPlace({ start, runs, chunkBits = 0 }: WrittenContent, skipped: number): Parameters<ContentPlaces["set"]>[1] {
    if (runs !== undefined) return this.#chunks(runs, chunkBits, skipped);
    return { place: PLACE.plain, start: start + skipped, chunkBits: 0, runCount: 0 };
  }

  #chunks(runs: readonly LentRun[], chunkBits: number, skipped: number): Parameters<ContentPlaces["set"]>[1] {
    const start = this.runs.count;
    for (const run of runs) this.runs.add(run.lender === 0 ? { ...run, address: run.address + skipped } : run);
    return { place: PLACE.chunks, start, chunkBits, runCount: runs.length };
  }

  #find(digest: Uint8Array, size: number): number {
    const mask = this.#index.length - 1;
    for (let slot = hashOf(digest, 0) & mask; ; slot = (slot + 1) & mask) {
      const content = (this.#index[slot] as number) - 1;
      if (content < 0) return -1;
      if (this.#equals(content, digest)) return this.size[content] === size ? content : -1;
    }
  }

  #equals(content: number, digest: Uint8Array): boolean {
    const start = content * DIGEST_BYTES;
    for (let byte = 0; byte < DIGEST_BYTES; byte += 1) if (this.digests[start + byte] !== digest[byte]) return false;
    return true;
  }

  /** @returns A new number, or that of a content which so far stood below alone. */
  #enter(digest: Uint8Array, size: number): number {
    const below = this.#hasBelow ? this.#find(digest, size) : -1;
    if (below >= 0 && this.places.place[below] === PLACE.below) return below;
    const content = this.count;
    this.count += 1;
    this.size = grown(this.size, this.count);
    this.digests = grownBuffer(this.digests, this.count * DIGEST_BYTES);
    this.digests.set(digest, content * DIGEST_BYTES);
    this.size[content] = size;
    this.#enterIndex(content);
    return content;
  }

  #enterIndex(content: number): void {
    if (this.count * 2 > this.#index.length) return this.#rehash();
    const mask = this.#index.length - 1;
    let slot = hashOf(this.digests, content * DIGEST_BYTES) & mask;
    while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
    this.#index[slot] = content + 1;
  }

  #rehash(): void {
    this.#index = new Uint32Array(this.#index.length * 2);
    for (let content = 0; content < this.count; content += 1) this.#enterIndex(content);
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
