import { createHash, hash as hashOnce, type Hash } from "node:crypto";
import type { ContentReader, FileContent } from "../../core/model/tree.js";
import type { Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { exactChunkBits, type ByteRange } from "./block-runs.js";
import type { Borrowing } from "./borrowing.js";
import { ChangedContentReader, isOfUse, joinRuns } from "./changed-content.js";
import { hashZeros, readExactly, type OwnRun } from "./content-pieces.js";
import type { ContentTable, WrittenContent } from "./content-table.js";
import type { DataRegion } from "./data-region.js";
import { BLOCK_BYTES, blocksOf } from "./image-format.js";
import type { Lenders } from "./lenders.js";
import { dataRanges, planSparse } from "./sparse-plan.js";
import type { SpillArena } from "./spill-arena.js";
import type { ImageRun, ImageStoredContent } from "./stored-content.js";

const PIECE_BYTES = 1 << 20;

/** Puts whole contents into the layer: short ones into the arena, others into blocks, each once. Numbers are those of the content table. */
export class ContentStore {
  readonly #contents: ContentTable;
  readonly #data: DataRegion;
  readonly #arena: SpillArena;
  readonly #lenders: Lenders;
  readonly #borrowing: Borrowing;
  /** Room for the content that comes now, as long as it is shorter than a block: contents come one after another. */
  readonly room: Buffer = Buffer.alloc(BLOCK_BYTES);

  constructor(contents: ContentTable, data: DataRegion, arena: SpillArena, lenders: Lenders, borrowing: Borrowing) {
    this.#contents = contents;
    this.#data = data;
    this.#arena = arena;
    this.#lenders = lenders;
    this.#borrowing = borrowing;
  }

  /** @throws VarveError SOURCE_CHANGED, and whatever reading throws; then nothing was added. */
  *store(content: FileContent): Turns<number> {
    const ahead = content.readAhead?.();
    if (ahead !== undefined) return this.#addRead(ahead.bytes, Buffer.from(ahead.digest));
    const reader = content.open();
    const start = this.#data.position;
    try {
      return yield* this.#read(content, reader);
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
   * @param former Its blocks may be borrowed, as those of the chain.
   * @returns `undefined` when the former version is of no use; then nothing was read.
   * @throws VarveError as `store`.
   */
  *storeChanged(content: Pick<FileContent, "size" | "open" | "extents">, former: ImageStoredContent): Turns<number | undefined> {
    const changed = ChangedContentReader.of(content, former, this.#data);
    if (changed === undefined) return undefined;
    const start = this.#data.position;
    try {
      const reader = content.open();
      try {
        const { digest, runs } = yield* changed.read(reader, holesOf(content));
        return this.#addChanged(digest, content.size, start, joinRuns(runs));
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

  /** Whether `storeChanged` would read a content of this digest, which is not known already. */
  canStoreChanged(digest: Buffer, size: number, former: ImageStoredContent): boolean {
    return isOfUse(size, former) && this.#borrowing.find(digest, size) === undefined;
  }

  #addChanged(digest: Buffer, size: number, start: number, runs: readonly (OwnRun | ImageRun)[]): number {
    const blocks = blocksOf(size);
    const [first] = runs;
    if (first !== undefined && "lender" in first && first.count === blocks)
      return this.addWritten(digest, size, start, undefined);
    const known = this.#borrowing.find(digest, size);
    const into = known === undefined ? "both" : "canonical";
    const chunkBits = exactChunkBits(runs, blocks);
    if (typeof known !== "number") {
      const written = { ...this.#written(start), runs: this.#lenders.borrow(runs, into), chunkBits };
      if (known === undefined) return this.#contents.addWritten(digest, size, written);
      this.#data.rewind(start);
      return this.#borrowing.addOutside(digest, size, known, written);
    }
    this.#data.rewind(start);
    return known;
  }

  /** @param bytes A whole content, without holes. */
  #addRead(bytes: Uint8Array, digest: Buffer): number {
    if (bytes.length < BLOCK_BYTES) return this.addShort(bytes, digest);
    return this.#addWhole(digest, bytes.length, () => this.#data.append(bytes));
  }

  /** @param write Puts the content, which has no holes, into the data region. */
  #addWhole(digest: Buffer, size: number, write: () => void): number {
    const known = this.#borrowing.find(digest, size);
    if (typeof known === "number") return known;
    const written = { start: this.#data.position / BLOCK_BYTES, blocks: blocksOf(size) };
    if (known !== undefined) return this.#borrowing.addOutside(digest, size, known, written);
    write();
    this.#data.align();
    return this.#contents.addWritten(digest, size, written);
  }

  /** @param bytes Fewer than a block. */
  addShort(bytes: Uint8Array, digest: Uint8Array = sha256(bytes)): number {
    const known = this.#contents.find(digest, bytes.length);
    if (known >= 0) return known;
    return this.#contents.addInline(digest, bytes.length, bytes.length === 0 ? 0 : this.#arena.append(bytes));
  }

  /** Takes over what was just written into the data region; forgets it when the layer has it already, or can borrow it. */
  addWritten(digest: Buffer, size: number, start: number, runs: readonly OwnRun[] | undefined, chunkBits = 0): number {
    this.#data.align();
    const written = { ...this.#written(start), runs, chunkBits };
    const known = this.#borrowing.find(digest, size);
    if (known === undefined) return this.#contents.addWritten(digest, size, written);
    this.#data.rewind(start);
    return typeof known === "number" ? known : this.#borrowing.addOutside(digest, size, known, written);
  }

  /** What was written since a position: whole blocks. */
  #written(start: number): WrittenContent {
    return { start: start / BLOCK_BYTES, blocks: (this.#data.position - start) / BLOCK_BYTES };
  }

  /**
   * Writes a sparse content.
   *
   * @param data Its data, in order. @param ranges What of it takes room: whole chunks, in order, each piece of data within one.
   * @param hash Gets all bytes, holes as zeros.
   * @returns The runs that it became.
   */
  *writeRanges(
    reader: ContentReader,
    size: number,
    data: readonly ByteRange[],
    ranges: readonly ByteRange[],
    hash?: Hash,
  ): Turns<OwnRun[]> {
    let hashed = 0;
    let next = 0;
    const runs: OwnRun[] = [];
    for (const { offset, length } of ranges) {
      const address = this.#data.position / BLOCK_BYTES;
      let position = offset;
      for (let piece = data[next]; piece !== undefined && piece.offset < offset + length; piece = data[++next]) {
        yield* hashZeros(hash, piece.offset - hashed);
        this.#data.zeros(piece.offset - position);
        yield* this.#copy(reader, piece.offset, piece.length, hash);
        position = piece.offset + piece.length;
        hashed = position;
      }
      this.#data.zeros(offset + length - position);
      this.#data.align();
      runs.push({ block: offset / BLOCK_BYTES, count: blocksOf(length), address, lender: 0 });
    }
    yield* hashZeros(hash, size - hashed);
    return runs;
  }

  *#read(content: FileContent, reader: ContentReader): Turns<number> {
    const { size } = content;
    if (size < BLOCK_BYTES) {
      readExactly(reader, this.room, 0, size);
      reader.verify();
      return this.addShort(this.room.subarray(0, size));
    }
    const data = dataRanges(content);
    if (data !== undefined) return yield* this.#readSparse(content, reader, data);
    const start = this.#data.position;
    if (size > this.#data.capacity) {
      const hash = createHash("sha256");
      yield* this.#copy(reader, 0, size, hash);
      reader.verify();
      return this.addWritten(hash.digest(), size, start, undefined);
    }
    const room = this.#data.room(size);
    readExactly(reader, room, 0, size);
    reader.verify();
    return this.#addWhole(sha256(room), size, () => this.#data.advance(size));
  }

  *#readSparse(content: FileContent, reader: ContentReader, data: readonly ByteRange[]): Turns<number> {
    const start = this.#data.position;
    const { ranges, chunkBits } = planSparse(data, content.size);
    const hash = createHash("sha256");
    const runs = yield* this.writeRanges(reader, content.size, data, ranges, hash);
    reader.verify();
    return this.addWritten(hash.digest(), content.size, start, runs, chunkBits);
  }

  *#copy(reader: ContentReader, offset: number, length: number, hash: Hash | undefined): Turns<void> {
    for (let done = 0; done < length;) {
      const piece = this.#data.room(Math.min(PIECE_BYTES, length - done));
      readExactly(reader, piece, offset + done, piece.length);
      hash?.update(piece);
      this.#data.advance(piece.length);
      done += piece.length;
      if (isTurnDue()) yield;
    }
  }
}

export function sha256(bytes: Uint8Array): Buffer {
  return hashOnce("sha256", bytes, "buffer");
}

function holesOf(content: Pick<FileContent, "extents">): ByteRange[] {
  return [...content.extents()].filter(({ kind }) => kind === "hole");
}
