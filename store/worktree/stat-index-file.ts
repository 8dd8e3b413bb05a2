import { closeSync, fstatSync, mkdirSync, readSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ByteString } from "../../core/model/byte-string.js";
import type { TreeId } from "../../core/model/ids.js";
import { openRegularFile } from "../../linux/regular-file.js";
import type { Fingerprints } from "../change-fingerprint.js";
import { ROW_WORDS, StatTable } from "../directory/stat-table.js";
import { areRowsSound } from "./sound-rows.js";

/** The number after the magic; any other is read as no index. docs/on-disk-format.md, "Stat index", has the layout. */
const VERSION = 1;
const MAGIC = "varve stat index";
const HEADER_BYTES = 64;
const AT = { version: 16, rowWords: 20, rows: 24, nameBytes: 28, tree: 32 } as const;
const DIGEST_BYTES = 32;
const TRAILER_BYTES = 8;

/** The stat of every entry of a directory when it was equal to a tree. */
export interface StatIndex {
  readonly tree: TreeId;
  readonly table: StatTable;
  /** The names in the order of the rows, each with a NUL behind it. */
  readonly nameBytes: Buffer;
  /** Where in them each row's begins. */
  readonly nameStarts: Uint32Array;
}

/**
 * @returns `undefined` when there is none, or it is of another version, or damaged: it is a cache.
 */
export function readStatIndex(file: string, { xxh64 }: Fingerprints): StatIndex | undefined {
  let bytes: Buffer;
  try {
    bytes = readShared(file);
  } catch {
    return undefined;
  }
  if (bytes.length < HEADER_BYTES + TRAILER_BYTES || bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(AT.version) !== VERSION || bytes.readUInt32LE(AT.rowWords) !== ROW_WORDS) return undefined;
  const end = bytes.length - TRAILER_BYTES;
  if (bytes.readBigUInt64LE(end) !== xxh64(bytes.subarray(0, end))) return undefined;
  return decode(bytes, end);
}

/** Into memory that threads share: see prove-stats.ts. */
function readShared(file: string): Buffer {
  const descriptor = openRegularFile(file);
  try {
    const bytes = Buffer.from(new SharedArrayBuffer(fstatSync(descriptor).size));
    for (let at = 0, count = -1; at < bytes.length && count !== 0; at += count)
      count = readSync(descriptor, bytes, at, bytes.length - at, at);
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

function decode(bytes: Buffer, end: number): StatIndex | undefined {
  const rows = bytes.readUInt32LE(AT.rows);
  const digests = HEADER_BYTES + rows * ROW_WORDS * 4;
  const names = digests + rows * DIGEST_BYTES;
  if (names + bytes.readUInt32LE(AT.nameBytes) !== end) return undefined;
  const table = new StatTable();
  table.length = rows;
  table.words = wordsOf(bytes, HEADER_BYTES, rows * ROW_WORDS);
  table.digests = bytes.subarray(digests, names);
  const nameBytes = bytes.subarray(names, end);
  const nameText = nameBytes.toString("latin1");
  table.setNames(() => nameText.split("\0").slice(0, -1) as ByteString[]);
  const nameStarts = startsOf(nameText, rows);
  if (nameStarts === undefined || !areRowsSound(table, nameBytes)) return undefined;
  return { tree: bytes.toString("hex", AT.tree, AT.tree + DIGEST_BYTES) as TreeId, table, nameBytes, nameStarts };
}

/** @returns `undefined` when there are more names than rows, or fewer, or bytes after the last name's NUL. */
function startsOf(names: string, rows: number): Uint32Array | undefined {
  const starts = new Uint32Array(new SharedArrayBuffer(rows * 4));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    starts[row] = at;
    at = names.indexOf("\0", at) + 1;
    if (at === 0) return undefined;
  }
  return at === names.length ? starts : undefined;
}

/** The header's length is a multiple of a word's, and a buffer of its own begins at 0. */
function wordsOf({ buffer, byteOffset }: Buffer, offset: number, length: number): Uint32Array {
  return new Uint32Array(buffer, byteOffset + offset, length);
}

/**
 * Puts an index in place by a rename. It is not made durable, being a cache that checks itself: after a power cut it may be gone.
 */
export function writeStatIndex(file: string, { tree, table }: Pick<StatIndex, "tree" | "table">, { xxh64 }: Fingerprints): void {
  const temporary = `${file}.${process.pid}`;
  const bytes = encode(tree, table);
  bytes.writeBigUInt64LE(xxh64(bytes.subarray(0, bytes.length - TRAILER_BYTES)), bytes.length - TRAILER_BYTES);
  mkdirSync(path.dirname(file), { recursive: true });
  try {
    writeFileSync(temporary, bytes);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function encode(tree: TreeId, table: StatTable): Buffer {
  const names = Buffer.from(`${table.names.join("\0")}\0`, "latin1");
  const digests = HEADER_BYTES + table.length * ROW_WORDS * 4;
  const namesAt = digests + table.length * DIGEST_BYTES;
  const bytes = Buffer.alloc(namesAt + names.length + TRAILER_BYTES);
  bytes.write(MAGIC, 0, "latin1");
  bytes.writeUInt32LE(VERSION, AT.version);
  bytes.writeUInt32LE(ROW_WORDS, AT.rowWords);
  bytes.writeUInt32LE(table.length, AT.rows);
  bytes.writeUInt32LE(names.length, AT.nameBytes);
  bytes.write(tree, AT.tree, "hex");
  const { buffer, byteOffset } = table.words;
  bytes.set(new Uint8Array(buffer, byteOffset, table.length * ROW_WORDS * 4), HEADER_BYTES);
  if (table.digests !== undefined) bytes.set(table.digests.subarray(0, table.length * DIGEST_BYTES), digests);
  bytes.set(names, namesAt);
  return bytes;
}
