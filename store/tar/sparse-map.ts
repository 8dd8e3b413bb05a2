import { MAX_SPARSE_PIECES } from "./limits.js";
import { readNumber } from "./header-block.js";
import { parseDecimal, type PaxRecord } from "./pax-records.js";
import type { Fail } from "./tar-fault.js";

/** A run of data; what lies between is a hole. */
export interface SparsePiece {
  readonly offset: number;
  readonly length: number;
}

/** What the extended header says of a sparse file: `map` is absent when the body begins with it (version 1.0). */
export interface PaxSparse {
  readonly size: number;
  readonly map: readonly SparsePiece[] | undefined;
}

/**
 * The forms 0.0, 0.1 and 1.0 of GNU's sparse files in PAX archives.
 *
 * @returns `undefined` when the entry is not sparse.
 * @see GNU tar manual, "Storing Sparse Files".
 */
export function readPaxSparse(records: readonly PaxRecord[], fail: Fail): PaxSparse | undefined {
  const last = new Map<string, Buffer>();
  let numbers: number[] = [];
  for (const { key, value } of records) {
    if (!key.startsWith("GNU.sparse.")) continue;
    last.set(key, value);
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
      if ((numbers.length % 2 === 0) !== (key === "GNU.sparse.offset")) fail("its sparse map has an offset without a length");
      numbers.push(parseDecimal(value));
    }
  }
  if (last.size === 0) return undefined;
  const version = `${last.get("GNU.sparse.major")?.toString("latin1") ?? "0"}.${last.get("GNU.sparse.minor")?.toString("latin1") ?? "0"}`;
  if (version === "1.0") return { size: decimal(last.get("GNU.sparse.realsize"), fail), map: undefined };
  if (!["0.0", "0.1"].includes(version)) return fail(`its sparse format is ${version}, expected 0.0, 0.1 or 1.0`);
  const size = decimal(last.get("GNU.sparse.size") ?? last.get("GNU.sparse.realsize"), fail);
  const text = last.get("GNU.sparse.map");
  if (text !== undefined) numbers = parseNumberList(text, fail);
  const wanted = last.get("GNU.sparse.numblocks");
  if (wanted !== undefined && decimal(wanted, fail) * 2 !== numbers.length)
    return fail("its sparse map has a wrong number of pieces");
  return { size, map: pairUp(numbers, fail) };
}

function decimal(value: Buffer | undefined, fail: Fail): number {
  const number = value === undefined ? Number.NaN : parseDecimal(value);
  return Number.isNaN(number) ? fail("a number of its sparse map is missing or no number") : number;
}

function parseNumberList(text: Buffer, fail: Fail): number[] {
  if (text.length === 0) return [];
  const parts = text.toString("latin1").split(",", 2 * MAX_SPARSE_PIECES + 1);
  return parts.map((part) => decimal(Buffer.from(part, "latin1"), fail));
}

function pairUp(numbers: readonly number[], fail: Fail): SparsePiece[] {
  if (numbers.length % 2 !== 0) fail("its sparse map has an offset without a length");
  if (numbers.length > 2 * MAX_SPARSE_PIECES) fail(`its sparse map has more than ${MAX_SPARSE_PIECES} pieces`);
  const pieces: SparsePiece[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    pieces.push({ offset: numbers[at] ?? Number.NaN, length: numbers[at + 1] ?? Number.NaN });
  }
  return pieces;
}

/** The map of version 1.0: decimal lines at the body's start, the count first, filled up to a whole block. Takes block after block. */
export class SparseMapReader {
  readonly #fail: Fail;
  readonly #numbers: number[] = [];
  #digits = "";
  /** Lines still wanted; `undefined` before the count. */
  #wanted: number | undefined;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  /** @returns The map when this block ended it. */
  push(block: Buffer): SparsePiece[] | undefined {
    for (const byte of block) {
      if (byte !== 0x0a) this.#digits += String.fromCharCode(byte);
      else this.#line();
      if (this.#digits.length > 16) this.#fail("a line of its sparse map is no number");
      if (this.#wanted === 0) return pairUp(this.#numbers, this.#fail);
    }
    return undefined;
  }

  #line(): void {
    const number = decimal(Buffer.from(this.#digits, "latin1"), this.#fail);
    this.#digits = "";
    if (this.#wanted === undefined) {
      if (number > MAX_SPARSE_PIECES) this.#fail(`its sparse map has more than ${MAX_SPARSE_PIECES} pieces`);
      this.#wanted = number * 2;
    } else {
      this.#numbers.push(number);
      this.#wanted -= 1;
    }
  }
}

/** The pieces in a GNU header block (four, at 386) or in one of its extension blocks (21, at 0). */
export function readOldSparsePieces(block: Buffer, offset: number, count: number, fail: Fail): SparsePiece[] {
  const pieces: SparsePiece[] = [];
  for (let at = offset; at < offset + count * 24 && block[at + 12] !== 0; at += 24) {
    const piece = { offset: readNumber(block, at, 12), length: readNumber(block, at + 12, 12) };
    if (Number.isNaN(piece.offset) || Number.isNaN(piece.length)) fail("its sparse map has a number that can't be read");
    pieces.push(piece);
  }
  return pieces;
}

/** Pieces without data that writers put at a file's end: GNU tar one, bsdtar two. */
const MAX_EMPTY_PIECES = 2;

/** Checks that pieces ascend, don't overlap, end within `size` and have `stored` bytes together. */
export function checkSparseMap(map: readonly SparsePiece[], size: number, stored: number, fail: Fail): void {
  let end = 0;
  let sum = 0;
  let empty = 0;
  for (const { offset, length } of map) {
    if (!(offset >= end && length >= 0)) fail("its sparse map does not ascend");
    if (length === 0) empty += 1;
    end = offset + length;
    sum += length;
    if (end > size) fail(`its sparse map reaches beyond its size of ${size} bytes`);
  }
  if (empty > MAX_EMPTY_PIECES) fail("its sparse map has pieces without data");
  if (sum !== stored) fail(`its sparse map has ${sum} bytes of data, but ${stored} are stored`);
}
