import { createHash, type Hash } from "node:crypto";
import { atOnce } from "../../core/turns.js";
import { chunkCount, exactChunkBits, INDEX_LIMIT, smallestChunkBits, touchedRanges, type ByteRange } from "./block-runs.js";
import { hashZeros, type OwnRun } from "./content-pieces.js";
import type { Extent } from "../../core/model/tree.js";
import { type ContentStore } from "./content-store.js";
import type { DataRegion } from "./data-region.js";
import { BLOCK_BYTES, blocksOf } from "./image-format.js";
import { copyOfRuns } from "./run-copy.js";
import type { ImageStoredContent } from "./stored-content.js";

/** What is compared hears no signal: 2 GiB take some seconds. */
const LARGEST_COMPARED = 2 ** 31;

/** Takes a content in pieces. Short ones stay in memory; others go to the data region, whole blocks of holes left out. */
export class BlockSink {
  readonly #store: ContentStore;
  readonly #data: DataRegion;
  readonly #scratch: () => string;
  readonly #former: ImageStoredContent | undefined;
  /** Begun when the content leaves memory: most are short, and hashed at once. */
  #hash: Hash | undefined;
  readonly #start: number;
  readonly #runs: OwnRun[] = [];
  #short: Buffer | undefined;
  #size = 0;
  /** Zeros at the end that are not yet written or left out. */
  #pending = 0;
  /** Block of the file, and position in the data region, where the run now written began. */
  #run: { block: number; position: number } | undefined;

  /** @param scratch Gives a path for a new file. @param former What the content was before: its blocks may be pointed at. */
  constructor(store: ContentStore, data: DataRegion, scratch: () => string, former?: ImageStoredContent) {
    this.#store = store;
    this.#data = data;
    this.#scratch = scratch;
    this.#former = former;
    this.#start = data.position;
    this.#short = store.room;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#settlePending();
    if (this.#short !== undefined && this.#size + bytes.length < BLOCK_BYTES) {
      this.#short.set(bytes, this.#size);
    } else {
      this.#leaveMemory().update(bytes);
      this.#run ??= { block: this.#size / BLOCK_BYTES, position: this.#data.position };
      this.#data.append(bytes);
    }
    this.#size += bytes.length;
  }

  hole(length: number): void {
    this.#pending += length;
  }

  /** @returns The content's number. */
  close(): number {
    const size = this.#size + this.#pending;
    if (size < BLOCK_BYTES) this.#writeZeros(this.#pending);
    else this.#settlePending(true);
    if (this.#short !== undefined) return this.#store.addShort(this.#short.subarray(0, size));
    const digest = this.#leaveMemory().digest();
    this.#endRun();
    const changed = this.#writeChanged(digest, size);
    if (changed !== undefined) return changed;
    const blocks = blocksOf(size);
    const [first] = this.#runs;
    if (first?.block === 0 && first.count === blocks) return this.#store.addWritten(digest, size, this.#start, undefined);
    const bits = exactChunkBits(this.#runs, blocks);
    if (chunkCount(blocks, bits) <= INDEX_LIMIT) return this.#store.addWritten(digest, size, this.#start, this.#runs, bits);
    return this.#writeCoarse(digest, size);
  }

  /** Leaves nothing behind in the data region. */
  abort(): void {
    this.#data.rewind(this.#start);
  }

  /** Before more bytes, or at the end: zeros up to a block's end are written, whole blocks left out, the rest written again. */
  #settlePending(atEnd = false): void {
    if (this.#pending === 0) return;
    const end = this.#size + this.#pending;
    const firstWhole = blocksOf(this.#size) * BLOCK_BYTES;
    const lastWhole = atEnd ? end : Math.floor(end / BLOCK_BYTES) * BLOCK_BYTES;
    if (lastWhole - firstWhole < BLOCK_BYTES) return this.#writeZeros(this.#pending);
    const rest = end - lastWhole;
    this.#writeZeros(firstWhole - this.#size);
    const hash = this.#leaveMemory();
    this.#endRun();
    atOnce(hashZeros(hash, lastWhole - firstWhole));
    this.#size = lastWhole;
    this.#writeZeros(rest);
    this.#pending = 0;
  }

  #writeZeros(length: number): void {
    this.#pending = 0;
    for (let rest = length; rest > 0; rest -= BLOCK_BYTES) this.write(Buffer.alloc(Math.min(rest, BLOCK_BYTES)));
  }

  /** @returns The hash of what has come until now. */
  #leaveMemory(): Hash {
    this.#hash ??= createHash("sha256");
    if (this.#short === undefined) return this.#hash;
    const kept = this.#short.subarray(0, this.#size);
    this.#short = undefined;
    if (kept.length === 0) return this.#hash;
    this.#run = { block: 0, position: this.#data.position };
    this.#data.append(kept);
    return this.#hash.update(kept);
  }

  #endRun(): void {
    if (this.#run === undefined) return;
    this.#data.align();
    const { block, position } = this.#run;
    const count = (this.#data.position - position) / BLOCK_BYTES;
    this.#runs.push({ block, count, address: position / BLOCK_BYTES, lender: 0 });
    this.#run = undefined;
  }

  /** It is known now whether all of it is new: if so it is taken out, and of it is written again what the former version has not. */
  #writeChanged(digest: Buffer, size: number): number | undefined {
    const former = this.#former;
    if (former === undefined || size > LARGEST_COMPARED || !this.#store.canStoreChanged(digest, size, former)) return undefined;
    const copy = copyOfRuns(this.#data, this.#runs, size, this.#scratch());
    try {
      this.#data.rewind(this.#start);
      return atOnce(
        this.#store.storeChanged({ size, open: () => copy.reader, extents: () => extentsOf(copy.data, size) }, former),
      );
    } finally {
      copy.close();
    }
  }

  /** The index would be too long: the data is taken out and written again in larger chunks. */
  #writeCoarse(digest: Buffer, size: number): number {
    const bits = smallestChunkBits(blocksOf(size));
    const copy = copyOfRuns(this.#data, this.#runs, size, this.#scratch());
    try {
      this.#data.rewind(this.#start);
      const runs = atOnce(this.#store.writeRanges(copy.reader, size, copy.data, touchedRanges(copy.data, size, bits)));
      return this.#store.addWritten(digest, size, this.#start, runs, bits);
    } finally {
      copy.close();
    }
  }
}

/** @param data In order. */
function* extentsOf(data: readonly ByteRange[], size: number): Generator<Extent> {
  let end = 0;
  for (const { offset, length } of data) {
    if (offset > end) yield { offset: end, length: offset - end, kind: "hole" };
    yield { offset, length, kind: "data" };
    end = offset + length;
  }
  if (size > end) yield { offset: end, length: size - end, kind: "hole" };
}
