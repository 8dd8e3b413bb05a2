import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { LayerId } from "../../core/model/ids.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { readAt } from "../erofs/write-at.js";
import { DigestFilter } from "./digest-filter.js";

/** `varve contents 1` and a newline: whatever else is there is no segment. */
const MAGIC = "varve contents1\n";
const HEAD_BYTES = 24;
const LAYER_BYTES = 32;
export const ROW_BYTES = 16;
/** Rows read at a time, once a search has come near. */
const NEAR_ROWS = 256;
/** So many searches are worth reading all rows once: most contents that are looked for are not there. */
const SEARCHES_BEFORE_FILTER = 1000;
const FILTER_PIECE_ROWS = 1 << 16;
const MOST_LAYERS = 1 << 16;
const LARGEST_SEGMENT_BYTES = 2 ** 31;

/** Where a layer has a content of which the first 8 bytes of its SHA-256 are known. */
export interface ContentPlace {
  readonly layer: LayerId;
  readonly nid: number;
}

/** Rows sorted by the first 8 bytes of the digest, and the layers that they name by number. */
export interface Segment {
  readonly layers: readonly string[];
  /** {first 8 bytes of the digest, number of the layer u32, nid u32}, integers little-endian. */
  readonly rows: Buffer;
}

export function encodeSegment({ layers, rows }: Segment): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(MAGIC, "latin1");
  head.writeUInt32LE(layers.length, 16);
  head.writeUInt32LE(rows.length / ROW_BYTES, 20);
  return Buffer.concat([head, Buffer.from(layers.join(""), "hex"), rows]);
}

/** @returns `undefined` for what is no segment, or is gone. */
export function readSegment(file: string): Segment | undefined {
  let bytes: Buffer;
  try {
    bytes = readRegularFile(file, { largest: LARGEST_SEGMENT_BYTES });
  } catch {
    return undefined;
  }
  const head = decodeHead(bytes, bytes.length);
  if (head === undefined) return undefined;
  const layers = Array.from({ length: head.layers }, (_, index) => layerAt(bytes, HEAD_BYTES + index * LAYER_BYTES));
  return { layers, rows: bytes.subarray(head.start) };
}

interface Head {
  readonly layers: number;
  readonly rows: number;
  /** Of the rows, in bytes. */
  readonly start: number;
}

function decodeHead(bytes: Buffer, length: number): Head | undefined {
  if (bytes.length < HEAD_BYTES || bytes.toString("latin1", 0, 16) !== MAGIC) return undefined;
  const [layers, rows] = [bytes.readUInt32LE(16), bytes.readUInt32LE(20)];
  const start = HEAD_BYTES + layers * LAYER_BYTES;
  return start + rows * ROW_BYTES === length ? { layers, rows, start } : undefined;
}

function layerAt(bytes: Buffer, at: number): string {
  return bytes.toString("hex", at, at + LAYER_BYTES);
}

/** A segment on the disk, searched without being read whole. */
export class SegmentFile {
  readonly #fd: number;
  readonly #head: Head;
  readonly #near: Buffer = Buffer.alloc(NEAR_ROWS * ROW_BYTES);
  readonly #layers = new Map<number, LayerId>();
  #filter: DigestFilter | undefined;
  #searches = 0;

  private constructor(fd: number, head: Head) {
    this.#fd = fd;
    this.#head = head;
  }

  /** @returns `undefined` for what is no segment, or is gone. */
  static open(file: string): SegmentFile | undefined {
    let fd: number;
    try {
      fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
    const bytes = Buffer.alloc(HEAD_BYTES);
    const head =
      fstatSync(fd).isFile() && readAt(fd, bytes, 0) === HEAD_BYTES ? decodeHead(bytes, fstatSync(fd).size) : undefined;
    if (head !== undefined) return new SegmentFile(fd, head);
    closeSync(fd);
    return undefined;
  }

  find(digest: Buffer): ContentPlace[] {
    this.#searches += 1;
    if (this.#searches > SEARCHES_BEFORE_FILTER) {
      this.#filter ??= this.#readFilter();
      if (!this.#filter.mayHold(digest, 0)) return [];
    }
    return this.#scan(this.#firstRow(digest), digest);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Digests are evenly spread, so the first look is where the row should be. */
  #firstRow(digest: Buffer): number {
    let [low, high] = [0, this.#head.rows];
    for (let guess = Math.floor((digest.readUInt32BE(0) / 2 ** 32) * high); high - low > NEAR_ROWS; guess = (low + high) >>> 1) {
      const from = Math.min(Math.max(low, guess - NEAR_ROWS / 2), high - NEAR_ROWS);
      this.#load(from, NEAR_ROWS);
      if (compareKey(this.#near, 0, digest) >= 0) high = Math.min(high, from + 1);
      else if (compareKey(this.#near, NEAR_ROWS - 1, digest) < 0) low = from + NEAR_ROWS;
      else return from + lowerBound(this.#near, NEAR_ROWS, digest);
    }
    this.#load(low, high - low);
    return low + lowerBound(this.#near, high - low, digest);
  }

  #scan(from: number, digest: Buffer): ContentPlace[] {
    const places: ContentPlace[] = [];
    for (let start = from; start < this.#head.rows; start += NEAR_ROWS) {
      const count = Math.min(NEAR_ROWS, this.#head.rows - start);
      this.#load(start, count);
      for (let row = 0; row < count; row += 1) {
        if (compareKey(this.#near, row, digest) !== 0) return places;
        const at = row * ROW_BYTES;
        places.push({ layer: this.#layer(this.#near.readUInt32LE(at + 8)), nid: this.#near.readUInt32LE(at + 12) });
      }
    }
    return places;
  }

  /** Damage may have any number here: what is read then is no layer's id. */
  #layer(number: number): LayerId {
    let layer = this.#layers.get(number);
    if (layer === undefined) {
      const bytes = Buffer.alloc(LAYER_BYTES);
      readAt(this.#fd, bytes, HEAD_BYTES + number * LAYER_BYTES);
      layer = bytes.toString("hex") as LayerId;
      if (this.#layers.size < MOST_LAYERS) this.#layers.set(number, layer);
    }
    return layer;
  }

  #readFilter(): DigestFilter {
    const filter = new DigestFilter(this.#head.rows);
    const piece = Buffer.allocUnsafe(FILTER_PIECE_ROWS * ROW_BYTES);
    for (let row = 0; row < this.#head.rows; row += FILTER_PIECE_ROWS) {
      const length = readAt(this.#fd, piece, this.#head.start + row * ROW_BYTES);
      for (let at = 0; at + ROW_BYTES <= length; at += ROW_BYTES) filter.add(piece, at);
    }
    return filter;
  }

  #load(from: number, count: number): void {
    this.#near.fill(0);
    readAt(this.#fd, this.#near.subarray(0, count * ROW_BYTES), this.#head.start + from * ROW_BYTES);
  }
}

/** Index of the first row that is not before the digest; `count` without one. */
function lowerBound(rows: Buffer, count: number, digest: Buffer): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKey(rows, middle, digest) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareKey(rows: Buffer, row: number, digest: Buffer): number {
  return rows.compare(digest, 0, 8, row * ROW_BYTES, row * ROW_BYTES + 8);
}
