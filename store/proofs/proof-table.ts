import { closeSync, fstatSync, mkdirSync, readFileSync, statSync, writeFileSync, type BigIntStats } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { crc32 } from "../crc.js";
import { replaceCache } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";

const ID_BYTES = 32;
const LEVEL_AT = 64;
const CHECKSUM_AT = 68;
const ROW_BYTES = 72;
/** The end of the id and the inode number: what two rows that count differ in. */
const KEY_FROM = 24;
const KEY_TO = 40;
/** The first row of a file whose next rows stand in order. Its level is their number. */
const HEADER_ID = "varve proofs, sorted\n".padEnd(ID_BYTES, "\0");
/** Rows behind those in order, and the share of these, past which the table is written anew. */
const MOST_APPENDED = 256;
const MOST_APPENDED_SHARE = 1 / 8;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * What was found out about image files, a row each: LayerId, then the file's inode number, size, mtime and ctime, which whoever writes to the file or puts
 * another in its place changes, then what was found out, and a CRC-32. The last row of an id and inode counts. Rows are appended; when these
 * are many, the table is written anew in order of key, so that a store of many layers need not read each row to look a few up. It
 * is derived, and free to be deleted. It is believed when it is this user's own and nobody else may write to it.
 */
export class ProofTable {
  readonly #layout: Pick<StoreLayout, "proofs" | "scratch">;
  /** The rows that the file has in order, without its header. */
  #sorted: Buffer = Buffer.alloc(0);
  /** By key: what was appended since. */
  #appended: Map<string, Buffer> | undefined;
  #pending: Buffer[] = [];
  /** Whether the file is to be written anew. */
  #isStale = false;
  /** Whether the file may not be used. */
  #isForeign = false;

  constructor(layout: Pick<StoreLayout, "proofs" | "scratch">) {
    this.#layout = layout;
  }

  /** @returns What was found out when the file looked like this; 0 for nothing. */
  level(id: LayerId, stat: BigIntStats): number {
    const wanted = rowOf(id, stat);
    const row = this.#load().get(keyOf(wanted)) ?? findSorted(this.#sorted, wanted);
    const isIt = row?.compare(wanted, 0, LEVEL_AT, 0, LEVEL_AT) === 0 && row.readUInt32LE(CHECKSUM_AT) === checksumOf(row);
    return isIt ? row.readUInt32LE(LEVEL_AT) : 0;
  }

  /** @param level More than 0. */
  add(id: LayerId, stat: BigIntStats, level: number): void {
    const row = rowOf(id, stat);
    row.writeUInt32LE(level, LEVEL_AT);
    row.writeUInt32LE(checksumOf(row), CHECKSUM_AT);
    this.#load().set(keyOf(row), row);
    this.#pending.push(row);
  }

  /** Writes down what was added. Failures leave it to be found out again. */
  keep(): void {
    if (this.#pending.length > 0) this.#save();
  }

  forget(ids: ReadonlySet<LayerId>): void {
    const kept = this.#all().filter((row) => !ids.has(row.toString("hex", 0, ID_BYTES) as LayerId));
    this.#sorted = Buffer.concat(kept);
    this.#appended = new Map();
    this.#isStale = true;
    this.#save();
  }

  #save(): void {
    try {
      if (!this.#isForeign) this.#write();
    } catch {
      // A cache.
    }
    this.#pending = [];
  }

  #write(): void {
    const { proofs } = this.#layout;
    const folder = path.dirname(proofs);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // In another user's store a file of ours would keep its owner from having one.
    if (statSync(folder).uid !== process.geteuid?.()) return;
    if (!this.#isStale) return writeFileSync(proofs, Buffer.concat(this.#pending), { flag: "a", mode: 0o600 });
    const rows = this.#all();
    replaceCache(proofs, Buffer.concat([headerRow(rows.length), ...rows]), scratchPath(this.#layout, "proofs"));
    this.#isStale = false;
  }

  /** The rows that count, in order of key. */
  #all(): Buffer[] {
    const appended = this.#load();
    const rows = new Map(rowsIn(this.#sorted).map((row) => [keyOf(row), row]));
    for (const [key, row] of appended) rows.set(key, row);
    return [...rows.values()].sort(byKey);
  }

  #load(): Map<string, Buffer> {
    if (this.#appended !== undefined) return this.#appended;
    const bytes = this.#read();
    const from = sortedRows(bytes) * ROW_BYTES;
    if (from > 0) this.#sorted = bytes.subarray(ROW_BYTES, from);
    const rows = rowsIn(bytes.subarray(from));
    const isMuch = rows.length > Math.max(MOST_APPENDED, (from / ROW_BYTES) * MOST_APPENDED_SHARE);
    // An append that was torn would shift all that follow.
    this.#isStale = isMuch || bytes.length % ROW_BYTES !== 0;
    return (this.#appended = new Map(rows.map((row) => [keyOf(row), row])));
  }

  #read(): Buffer {
    let fd: number | undefined;
    try {
      fd = openRegularFile(this.#layout.proofs);
      const { uid, mode } = fstatSync(fd);
      this.#isForeign = uid !== process.geteuid?.() || (mode & WRITABLE_BY_OTHERS) !== 0;
      return this.#isForeign ? Buffer.alloc(0) : readFileSync(fd);
    } catch (error) {
      this.#isForeign = (error as NodeJS.ErrnoException).code !== "ENOENT";
      return Buffer.alloc(0);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

/** Without the device: some filesystems have another number after each boot. */
function rowOf(id: LayerId, { ino, size, mtimeNs, ctimeNs }: BigIntStats): Buffer {
  const row = Buffer.alloc(ROW_BYTES);
  row.write(id, "hex");
  [ino, size, mtimeNs, ctimeNs].forEach((value, index) => {
    row.writeBigInt64LE(BigInt.asIntN(64, value), ID_BYTES + index * 8);
  });
  return row;
}

function headerRow(count: number): Buffer {
  const row = Buffer.alloc(ROW_BYTES);
  row.write(HEADER_ID, "latin1");
  row.writeUInt32LE(count, LEVEL_AT);
  row.writeUInt32LE(checksumOf(row), CHECKSUM_AT);
  return row;
}

/** How many rows stand in order at the beginning, the header counted; 0 for a table that has none. */
function sortedRows(bytes: Buffer): number {
  if (bytes.length < ROW_BYTES || bytes.toString("latin1", 0, ID_BYTES) !== HEADER_ID) return 0;
  const header = bytes.subarray(0, ROW_BYTES);
  const count = header.readUInt32LE(LEVEL_AT) + 1;
  return header.readUInt32LE(CHECKSUM_AT) === checksumOf(header) && count * ROW_BYTES <= bytes.length ? count : 0;
}

function rowsIn(bytes: Buffer): Buffer[] {
  const count = Math.floor(bytes.length / ROW_BYTES);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * ROW_BYTES, (index + 1) * ROW_BYTES));
}

/** By halves. */
function findSorted(sorted: Buffer, wanted: Buffer): Buffer | undefined {
  let [low, high] = [0, sorted.length / ROW_BYTES];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = sorted.subarray(middle * ROW_BYTES, (middle + 1) * ROW_BYTES);
    const order = byKey(row, wanted);
    if (order === 0) return row;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

function byKey(a: Buffer, b: Buffer): number {
  return a.compare(b, KEY_FROM, KEY_TO, KEY_FROM, KEY_TO);
}

function keyOf(row: Buffer): string {
  return row.toString("latin1", KEY_FROM, KEY_TO);
}

function checksumOf(row: Buffer): number {
  return crc32(row.subarray(0, CHECKSUM_AT));
}
