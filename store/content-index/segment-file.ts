import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { readAt } from "../erofs/write-at.js";

/** `varve contents 1` and a newline: whatever else is there is no segment. */
const MAGIC = "varve contents1\n";
const HEAD_BYTES = 24;
const LAYER_BYTES = 32;
export const ROW_BYTES = 16;
/** Rows read at a time, once a search has come near. */
const NEAR_ROWS = 256;

/** Where a layer has a content of which the first 8 bytes of its SHA-256 are known. */
export interface ContentPlace {
  /** 64 hex digits. */
  readonly layer: string;
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
    bytes = readFileSync(file);
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

  /** Digests are evenly spread, so the first look is where the row should be. */
  find(digest: Buffer): ContentPlace[] {
    let [low, high] = [0, this.#head.rows];
    for (let guess = Math.floor((digest.readUInt32BE(0) / 2 ** 32) * high); high - low > NEAR_ROWS; guess = (low + high) >>> 1) {
      const from = Math.min(Math.max(low, guess - NEAR_ROWS / 2), high - NEAR_ROWS);
      this.#load(from, NEAR_ROWS);
      if (compareKey(this.#near, 0, digest) >= 0) high = Math.min(high, from + 1);
      else if (compareKey(this.#near, NEAR_ROWS - 1, digest) < 0) low = from + NEAR_ROWS;
      else [low, high] = [from, from + NEAR_ROWS];
    }
    return this.#scan(low, digest);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #scan(from: number, digest: Buffer): ContentPlace[] {
    const places: ContentPlace[] = [];
    for (let start = from; start < this.#head.rows; start += NEAR_ROWS) {
      const count = Math.min(NEAR_ROWS, this.#head.rows - start);
      this.#load(start, count);
      const rows = Buffer.from(this.#near);
      for (let row = 0; row < count; row += 1) {
        const order = compareKey(rows, row, digest);
        if (order > 0) return places;
        if (order === 0) places.push(this.#place(rows, row * ROW_BYTES));
      }
    }
    return places;
  }

  #place(rows: Buffer, at: number): ContentPlace {
    const layer = Buffer.alloc(LAYER_BYTES);
    readAt(this.#fd, layer, HEAD_BYTES + rows.readUInt32LE(at + 8) * LAYER_BYTES);
    return { layer: layer.toString("hex"), nid: rows.readUInt32LE(at + 12) };
  }

  #load(from: number, count: number): void {
    this.#near.fill(0);
    readAt(this.#fd, this.#near.subarray(0, count * ROW_BYTES), this.#head.start + from * ROW_BYTES);
  }
}

function compareKey(rows: Buffer, row: number, digest: Buffer): number {
  return rows.compare(digest, 0, 8, row * ROW_BYTES, row * ROW_BYTES + 8);
}
