import { createHash } from "node:crypto";
import type { ContentReader, FileContent } from "../../core/model/tree.js";
import type { Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { smallestChunkBits, type ByteRange } from "./block-runs.js";
import { hashZeros, readExactly, type OwnRun } from "./content-pieces.js";
import type { DataRegion } from "./data-region.js";
import { BLOCK_BYTES, blocksOf } from "./image-format.js";
import type { ImageRun, ImageStoredContent } from "./stored-content.js";

const PIECE_BYTES = 1 << 20;
/** Pieces in a row of which nothing was equal, after which only every 8th is compared. */
const PATIENCE = 8;
const PROBE = 8;

/** A content as its former version and what changed. */
export interface ChangedContent {
  readonly digest: Buffer;
  /** In order. Blocks between them are holes. */
  readonly runs: readonly (OwnRun | ImageRun)[];
}

/**
 * Writes of a content what its former version has not at the same place, in chunks as large as the file's size asks for. What was inserted
 * or moved within the file is written.
 */
export class ChangedContentReader {
  readonly #data: DataRegion;
  readonly #formerRuns: readonly ImageRun[];
  readonly #former: ContentReader;
  readonly #formerSize: number;
  readonly #size: number;
  readonly #unit: number;
  readonly #runs: (OwnRun | ImageRun)[] = [];
  readonly #piece: Buffer;
  readonly #formerPiece: Buffer;
  #run = 0;
  #misses = 0;

  /** @returns `undefined` when there is nothing to compare, or chunks would be too large. */
  static of({ size }: Pick<FileContent, "size">, former: ImageStoredContent, data: DataRegion): ChangedContentReader | undefined {
    return isOfUse(size, former) ? new ChangedContentReader(size, former, former.runs ?? [], data) : undefined;
  }

  private constructor(size: number, former: ImageStoredContent, formerRuns: readonly ImageRun[], data: DataRegion) {
    this.#data = data;
    this.#size = size;
    this.#formerSize = former.size;
    this.#formerRuns = formerRuns;
    this.#former = former.content.open({ check: false });
    this.#unit = unitOf(size);
    this.#piece = Buffer.allocUnsafe(PIECE_BYTES);
    this.#formerPiece = Buffer.allocUnsafe(PIECE_BYTES);
  }

  /** Reads the content once, to its end. @param holes Of it, in order. */
  *read(reader: ContentReader, holes: readonly ByteRange[]): Turns<ChangedContent> {
    const hash = createHash("sha256");
    let hole = 0;
    for (let start = 0; start < this.#size; start += PIECE_BYTES) {
      if (isTurnDue()) yield;
      const length = Math.min(PIECE_BYTES, this.#size - start);
      while (holes[hole] !== undefined && rangeEnd(holes[hole] as ByteRange) <= start) hole += 1;
      if (covers(holes[hole], start, length)) {
        yield* hashZeros(hash, length);
        continue;
      }
      readExactly(reader, this.#piece, start, length);
      hash.update(this.#piece.subarray(0, length));
      this.#take(start, length, holes, hole);
    }
    reader.verify();
    return { digest: hash.digest(), runs: this.#runs };
  }

  close(): void {
    this.#former.close();
  }

  #take(start: number, length: number, holes: readonly ByteRange[], firstHole: number): void {
    const isCompared = this.#misses < PATIENCE || (start / PIECE_BYTES) % PROBE === 0;
    const known = isCompared ? this.#former.read(this.#formerPiece.subarray(0, length), start) : 0;
    let equal = 0;
    let hole = firstHole;
    for (let at = 0; at < length; at += this.#unit) {
      const count = Math.min(this.#unit, length - at);
      while (holes[hole] !== undefined && rangeEnd(holes[hole] as ByteRange) <= start + at) hole += 1;
      if (covers(holes[hole], start + at, count)) continue;
      const lender = at + count <= known ? this.#lender(start + at, count) : undefined;
      if (lender !== undefined && this.#piece.compare(this.#formerPiece, at, at + count, at, at + count) === 0) {
        equal += 1;
        this.#runs.push(lender);
      } else this.#write(start + at, this.#piece.subarray(at, at + count));
    }
    if (isCompared) this.#misses = equal > 0 ? 0 : this.#misses + 1;
  }

  /** The former blocks at the same place, when they stand in one image one after another. */
  #lender(offset: number, length: number): ImageRun | undefined {
    // The rest of a file's last block must be zeros.
    if (length % BLOCK_BYTES !== 0 && this.#size !== this.#formerSize) return undefined;
    const block = offset / BLOCK_BYTES;
    const count = blocksOf(length);
    let run = this.#formerRuns[this.#run];
    while (run !== undefined && run.block + run.count <= block) run = this.#formerRuns[(this.#run += 1)];
    if (run === undefined || run.block > block || run.block + run.count < block + count) return undefined;
    return { block, count, address: run.address + block - run.block, layer: run.layer };
  }

  #write(offset: number, bytes: Buffer): void {
    const address = this.#data.position / BLOCK_BYTES;
    this.#data.append(bytes);
    this.#data.align();
    this.#runs.push({ block: offset / BLOCK_BYTES, count: blocksOf(bytes.length), address, lender: 0 });
  }
}

/** Whether a former version can lend something to a content of that size, by what is known of it. */
export function isOfUse(size: number, former: ImageStoredContent): boolean {
  if (size < BLOCK_BYTES || former.size < BLOCK_BYTES || unitOf(size) > PIECE_BYTES) return false;
  return former.runs !== undefined && former.runs.length > 0;
}

/** Bytes that are compared, and shared or not, as one. */
function unitOf(size: number): number {
  return BLOCK_BYTES * 2 ** smallestChunkBits(blocksOf(size));
}

function rangeEnd({ offset, length }: ByteRange): number {
  return offset + length;
}

function covers(range: ByteRange | undefined, offset: number, length: number): boolean {
  return range !== undefined && range.offset <= offset && offset + length <= rangeEnd(range);
}

/** Neighbours joined, so that chunks can be large where nothing changed. */
export function joinRuns(runs: readonly (OwnRun | ImageRun)[]): (OwnRun | ImageRun)[] {
  const joined: (OwnRun | ImageRun)[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    const isNext = last !== undefined && last.block + last.count === run.block && last.address + last.count === run.address;
    const sameHolder =
      "layer" in run
        ? last !== undefined && "layer" in last && last.layer === run.layer
        : last !== undefined && !("layer" in last);
    if (isNext && sameHolder) joined[joined.length - 1] = { ...last, count: last.count + run.count };
    else joined.push(run);
  }
  return joined;
}
