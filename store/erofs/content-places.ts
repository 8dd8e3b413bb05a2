import type { BlockRun } from "./block-runs.js";
import { grown } from "./growing-arrays.js";

const FIRST_CAPACITY = 256;

/** Where a content of a layer stands. */
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

/** Blocks of the data region (lender 0) or of a layer that lends. */
export interface LentRun extends BlockRun {
  /** Its number among the layer's lenders; 0 is the image itself, with the address in the data region. */
  readonly lender: number;
}

export interface ContentPlace {
  readonly place: number;
  readonly start: number;
  /** Of chunks: log2 of the blocks in one. */
  readonly chunkBits: number;
  readonly runCount: number;
}

/** Where the contents of a layer stand in one image of it, as columns by content number. */
export class ContentPlaces {
  /** Whether an inode has the chunk layout. */
  hasChunks = false;
  place: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  start: Float64Array = new Float64Array(FIRST_CAPACITY);
  chunkBits: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  runCount: Uint32Array = new Uint32Array(FIRST_CAPACITY);

  set(content: number, { place, start, chunkBits, runCount }: ContentPlace): void {
    this.place = grown(this.place, content + 1);
    this.start = grown(this.start, content + 1);
    this.chunkBits = grown(this.chunkBits, content + 1);
    this.runCount = grown(this.runCount, content + 1);
    this.place[content] = place;
    this.start[content] = start;
    this.chunkBits[content] = chunkBits;
    this.runCount[content] = runCount;
    this.hasChunks ||= place === PLACE.chunks;
  }

  copy(): ContentPlaces {
    const copy = new ContentPlaces();
    copy.hasChunks = this.hasChunks;
    copy.place = this.place.slice();
    copy.start = this.start.slice();
    copy.chunkBits = this.chunkBits.slice();
    copy.runCount = this.runCount.slice();
    return copy;
  }
}

/** Runs of blocks as columns. */
export class RunTable {
  count = 0;
  block: Float64Array = new Float64Array(64);
  length: Float64Array = new Float64Array(64);
  address: Uint32Array = new Uint32Array(64);
  lender: Uint16Array = new Uint16Array(64);

  add({ block, count, address, lender }: LentRun): void {
    const row = this.count;
    this.count += 1;
    this.block = grown(this.block, this.count);
    this.length = grown(this.length, this.count);
    this.address = grown(this.address, this.count);
    this.lender = grown(this.lender, this.count);
    this.block[row] = block;
    this.length[row] = count;
    this.address[row] = address;
    this.lender[row] = lender;
  }
}
