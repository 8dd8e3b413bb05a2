import { createHash, hash as hashOnce, type Hash } from "node:crypto";
import type { ContentReader, FileContent } from "../../core/model/tree.js";
import {
  exactChunkBits,
  INDEX_LIMIT,
  chunkCount,
  smallestChunkBits,
  touchedRanges,
  type BlockRun,
  type ByteRange,
} from "./block-runs.js";
import { hashZeros, readExactly, type OwnRun } from "./content-pieces.js";
import { ChangedContentReader, joinRuns } from "./changed-content.js";
import { PLACE, type ContentTable } from "./content-table.js";
import type { DataRegion } from "./data-region.js";
import { BLOCK_BYTES, blocksOf } from "./image-format.js";
import type { SpillArena } from "./spill-arena.js";
import type { ImageRun, ImageStoredContent } from "./stored-content.js";

const PIECE_BYTES = 1 << 20;

/** Puts whole contents into the layer: short ones into the arena, others into blocks, each once. Numbers are those of the content table. */
export class ContentStore {
  readonly #contents: ContentTable;
  readonly #data: DataRegion;
  readonly #arena: SpillArena;
  readonly #find: (digest: Buffer, size: number) => number;
  readonly #short = Buffer.alloc(BLOCK_BYTES);

  /** @param find Gives the number of a content that needs no data, or -1: one that the layer has, or can borrow. */
  constructor(contents: ContentTable, data: DataRegion, arena: SpillArena, find: (digest: Buffer, size: number) => number) {
    this.#contents = contents;
    this.#find = find;
    this.#data = data;
    this.#arena = arena;
  }

  /** @throws VarveError SOURCE_CHANGED, and whatever reading throws; then nothing was added. */
  store(content: FileContent): number {
    const ahead = content.readAhead?.();
    if (ahead !== undefined) return this.#addRead(ahead.bytes, Buffer.from(ahead.digest));
    const reader = content.open();
    const start = this.#data.position;
    try {
      return this.#read(content, reader);
    } catch (error) {
      this.#data.rewind(start);
      throw error;
    } finally {
      reader.close();
    }
  }

  /**
   * Stores a content of which a former version is known: its changed chunks alone.
   *
   * @param lend Gives the runs with the slots of their layers; `undefined` when they can't be used. Own runs have the slot 0.
   * @returns `undefined` when the former version is of no use; then nothing was read.
   * @throws VarveError as `store`.
   */
  storeChanged(
    content: FileContent,
    former: ImageStoredContent,
    lend: (runs: readonly (OwnRun | ImageRun)[]) => readonly (BlockRun & { readonly device: number })[] | undefined,
  ): number | undefined {
    const changed = ChangedContentReader.of(content, former, this.#data);
    if (changed === undefined) return undefined;
    const start = this.#data.position;
    try {
      const reader = content.open();
      try {
        const { digest, runs } = changed.read(reader, holesOf(content));
        return this.#addChanged(digest, content.size, start, joinRuns(runs), lend);
      } finally {
        reader.close();
      }
    } catch (error) {
      this.#data.rewind(start);
      throw error;
    } finally {
      changed.close();
    }
  }

  #addChanged(
    digest: Buffer,
    size: number,
    start: number,
    runs: readonly (OwnRun | ImageRun)[],
    lend: (runs: readonly (OwnRun | ImageRun)[]) => readonly (BlockRun & { readonly device: number })[] | undefined,
  ): number {
    const known = this.#find(digest, size);
    if (known >= 0) {
      this.#data.rewind(start);
      return known;
    }
    const blocks = blocksOf(size);
    const [first] = runs;
    if (first !== undefined && "device" in first && first.count === blocks) {
      return this.addWritten(digest, size, start, undefined);
    }
    const lent = lend(runs);
    if (lent === undefined) throw new TypeError("lend() of runs that it said it could lend");
    return this.#contents.addChunks(digest, size, exactChunkBits(runs, blocks), lent);
  }

  /** @param bytes A whole content, without holes. */
  #addRead(bytes: Uint8Array, digest: Buffer): number {
    if (bytes.length < BLOCK_BYTES) return this.addShort(bytes, digest);
    const known = this.#find(digest, bytes.length);
    if (known >= 0) return known;
    const start = this.#data.position;
    this.#data.append(bytes);
    return this.addWritten(digest, bytes.length, start, undefined);
  }

  /** @param bytes Fewer than a block. */
  addShort(bytes: Uint8Array, digest: Uint8Array = sha256(bytes)): number {
    const known = this.#contents.find(digest, bytes.length);
    if (known >= 0 && this.#contents.place[known] !== PLACE.below) return known;
    return this.#contents.add(digest, bytes.length, PLACE.inline, bytes.length === 0 ? 0 : this.#arena.append(bytes));
  }

  /** Takes over what was just written into the data region; forgets it when the layer has it already. */
  addWritten(digest: Buffer, size: number, start: number, runs: readonly OwnRun[] | undefined, bits = 0): number {
    const known = this.#find(digest, size);
    if (known >= 0) {
      this.#data.rewind(start);
      return known;
    }
    this.#data.align();
    if (runs === undefined) return this.#contents.add(digest, size, PLACE.plain, start / BLOCK_BYTES);
    return this.#contents.addChunks(digest, size, bits, runs);
  }

  /**
   * Writes a sparse content.
   *
   * @param data Its data, in order. @param ranges What of it takes room: whole chunks, in order, each piece of data within one.
   * @param hash Gets all bytes, holes as zeros.
   * @returns The runs that it became.
   */
  writeRanges(
    reader: ContentReader,
    size: number,
    data: readonly ByteRange[],
    ranges: readonly ByteRange[],
    hash?: Hash,
  ): OwnRun[] {
    let hashed = 0;
    let next = 0;
    const runs = ranges.map(({ offset, length }): OwnRun => {
      const address = this.#data.position / BLOCK_BYTES;
      let position = offset;
      for (let piece = data[next]; piece !== undefined && piece.offset < offset + length; piece = data[++next]) {
        hashZeros(hash, piece.offset - hashed);
        this.#data.zeros(piece.offset - position);
        this.#copy(reader, piece.offset, piece.length, hash);
        position = piece.offset + piece.length;
        hashed = position;
      }
      this.#data.zeros(offset + length - position);
      this.#data.align();
      return { block: offset / BLOCK_BYTES, count: blocksOf(length), address, device: 0 };
    });
    hashZeros(hash, size - hashed);
    return runs;
  }

  #read(content: FileContent, reader: ContentReader): number {
    const { size } = content;
    if (size < BLOCK_BYTES) {
      readExactly(reader, this.#short, 0, size);
      reader.verify();
      return this.addShort(this.#short.subarray(0, size));
    }
    const data = dataRanges(content);
    if (data !== undefined) return this.#readSparse(content, reader, data);
    const start = this.#data.position;
    if (size > this.#data.capacity) {
      const hash = createHash("sha256");
      this.#copy(reader, 0, size, hash);
      reader.verify();
      return this.addWritten(hash.digest(), size, start, undefined);
    }
    const room = this.#data.room(size);
    readExactly(reader, room, 0, size);
    reader.verify();
    const digest = sha256(room);
    const known = this.#find(digest, size);
    if (known >= 0) return known;
    this.#data.advance(size);
    return this.addWritten(digest, size, start, undefined);
  }

  #readSparse(content: FileContent, reader: ContentReader, data: readonly ByteRange[]): number {
    const blocks = blocksOf(content.size);
    const start = this.#data.position;
    const exact = touchedRanges(data, content.size, 0);
    const asRuns = exact.map(({ offset, length }) => ({ block: offset / BLOCK_BYTES, count: blocksOf(length), address: 0 }));
    let bits = exactChunkBits(asRuns, blocks);
    let ranges = exact;
    if (chunkCount(blocks, bits) > INDEX_LIMIT) {
      bits = smallestChunkBits(blocks);
      ranges = touchedRanges(data, content.size, bits);
    }
    const hash = createHash("sha256");
    const runs = this.writeRanges(reader, content.size, data, ranges, hash);
    reader.verify();
    return this.addWritten(hash.digest(), content.size, start, runs, bits);
  }

  #copy(reader: ContentReader, offset: number, length: number, hash: Hash | undefined): void {
    for (let done = 0; done < length;) {
      const piece = this.#data.room(Math.min(PIECE_BYTES, length - done));
      readExactly(reader, piece, offset + done, piece.length);
      hash?.update(piece);
      this.#data.advance(piece.length);
      done += piece.length;
    }
  }
}

export function sha256(bytes: Uint8Array): Buffer {
  return hashOnce("sha256", bytes, "buffer");
}

function holesOf(content: FileContent): ByteRange[] {
  return [...content.extents()].filter(({ kind }) => kind === "hole");
}

/** @returns `undefined` when no hole covers a block. */
function dataRanges(content: FileContent): ByteRange[] | undefined {
  const data: ByteRange[] = [];
  let hasHoles = false;
  for (const extent of content.extents()) {
    if (extent.kind === "data") data.push(extent);
    else hasHoles ||= extent.length >= BLOCK_BYTES;
  }
  return hasHoles ? data : undefined;
}
