import { closeSync, fstatSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync, type BigIntStats } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { crc32 } from "../crc.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";

const ID_BYTES = 32;
const LEVEL_AT = 64;
const CHECKSUM_AT = 68;
const ROW_BYTES = 72;
/** The end of the id and the inode number: what two rows that count differ in. */
const KEY_FROM = 24;
const KEY_TO = 40;
/** Rows that another one took the place of, beside as many that count: past that the table is written anew. */
const MOST_STALE = 1000;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * What was found out about image files, a row each: LayerId, then the file's inode number, size, mtime and ctime, which whoever writes to the file or puts
 * another in its place changes, then what was found out, and a CRC-32. The last row of an id and inode counts. The table is only appended to;
 * it is derived, and free to be deleted. It is believed when it is this user's own and nobody else may write to it.
 */
export class ProofTable {
  readonly #layout: Pick<StoreLayout, "proofs" | "scratch">;
  #rows: Map<string, Buffer> | undefined;
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
    const row = this.#load().get(keyOf(wanted));
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
    const rows = this.#load();
    for (const [key, row] of rows) if (ids.has(row.toString("hex", 0, ID_BYTES) as LayerId)) rows.delete(key);
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
    const scratch = scratchPath(this.#layout, "proofs");
    writeFileSync(scratch, Buffer.concat([...this.#load().values()]), { flag: "wx", mode: 0o600 });
    renameSync(scratch, proofs);
    this.#isStale = false;
  }

  #load(): Map<string, Buffer> {
    if (this.#rows !== undefined) return this.#rows;
    const rows = (this.#rows = new Map<string, Buffer>());
    const bytes = this.#read();
    for (let at = 0; at + ROW_BYTES <= bytes.length; at += ROW_BYTES) {
      rows.set(bytes.toString("latin1", at + KEY_FROM, at + KEY_TO), bytes.subarray(at, at + ROW_BYTES));
    }
    // An append that was torn would shift all that follow.
    this.#isStale = bytes.length % ROW_BYTES !== 0 || bytes.length / ROW_BYTES > 2 * rows.size + MOST_STALE;
    return rows;
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

function keyOf(row: Buffer): string {
  return row.toString("latin1", KEY_FROM, KEY_TO);
}

function checksumOf(row: Buffer): number {
  return crc32(row.subarray(0, CHECKSUM_AT));
}
