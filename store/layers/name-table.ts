import { mkdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { crc32 } from "../crc.js";
import { replaceCache } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { LARGEST_RECORD_BYTES, type NameRecord } from "./name-record.js";

const ID_BYTES = 32;
const LENGTH_AT = 4;
const ID_AT = 8;
const FORM_AT = 40;
const RECORD_AT = 41;
const WITH_RECORD = 1;
const WITHOUT_RECORD = 0;
/** Of 10,000 layers with 500 names each; what comes after is read from the layers. */
const LARGEST_FILE_BYTES = 2 ** 27;

export type NameTableLayout = Pick<StoreLayout, "names" | "scratch">;

/** The table as it stands on the disk, for whoever checks it. */
export interface NameTableReading {
  readonly rows: ReadonlyMap<LayerId, NameRecord | undefined>;
  /** Whether it has bytes that are no row. */
  readonly isTorn: boolean;
}

/**
 * The names of layers, a row each: CRC-32 of what follows the first four bytes, length of the record, LayerId, whether the layer's names are in it,
 * the record. Only appended to; derived, and free to be deleted. What it lacks is read from the layers, and added by `keep`.
 */
export class NameTable {
  readonly #layout: NameTableLayout;
  #rows: Map<LayerId, NameRecord | undefined> | undefined;
  #pending: Buffer[] = [];
  #bytes = 0;
  #isTorn = false;

  constructor(layout: NameTableLayout) {
    this.#layout = layout;
  }

  /** @returns `undefined` when nothing is known; `record: undefined` when the layer itself is to be looked into. */
  get(id: LayerId): { readonly record: NameRecord | undefined } | undefined {
    const rows = this.#load();
    return rows.has(id) ? { record: rows.get(id) } : undefined;
  }

  /** @returns How many wait to be written down. */
  put(id: LayerId, record: NameRecord | undefined): number {
    this.#load().set(id, record);
    return this.#pending.push(rowOf(id, record));
  }

  /** Writes down what was put. That it fails, as in a store of another user's, leaves it to be found out again. */
  keep(): void {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0 && !this.#isTorn) return;
    try {
      const { names } = this.#layout;
      mkdirSync(path.dirname(names), { recursive: true, mode: 0o700 });
      // In another user's store a file of ours would keep its owner from having one.
      if (statSync(path.dirname(names)).uid !== process.geteuid?.()) return;
      if (this.#isTorn) return this.#replace(this.#load());
      const bytes = Buffer.concat(pending);
      if (this.#bytes + bytes.length > LARGEST_FILE_BYTES) return;
      writeFileSync(names, bytes, { flag: "a", mode: 0o644 });
      this.#bytes += bytes.length;
    } catch {
      // A cache.
    }
  }

  /** Removed layers need not be remembered. */
  forget(removed: ReadonlySet<LayerId>): void {
    const rows = this.#load();
    const before = rows.size;
    for (const id of removed) rows.delete(id);
    try {
      if (rows.size < before) this.#replace(rows);
    } catch {
      // What it says of layers that are gone, nobody asks.
    }
  }

  reading(): NameTableReading {
    return { rows: this.#load(), isTorn: this.#isTorn };
  }

  #replace(rows: ReadonlyMap<LayerId, NameRecord | undefined>): void {
    const bytes = Buffer.concat([...rows].map(([id, record]) => rowOf(id, record)));
    replaceCache(this.#layout.names, bytes, scratchPath(this.#layout, "names"), 0o644);
    this.#isTorn = false;
    this.#bytes = bytes.length;
  }

  #load(): Map<LayerId, NameRecord | undefined> {
    if (this.#rows !== undefined) return this.#rows;
    this.#rows = new Map();
    const bytes = this.#read();
    let at = 0;
    while (at < bytes.length) {
      const next = this.#takeRow(bytes, at);
      if (next === undefined) break;
      at = next;
    }
    // What follows a row that was torn can't be found.
    this.#isTorn ||= at < bytes.length;
    this.#bytes = bytes.length;
    return this.#rows;
  }

  /** @returns Where the next one begins; `undefined` when these bytes are no row. */
  #takeRow(bytes: Buffer, at: number): number | undefined {
    if (at + RECORD_AT > bytes.length) return undefined;
    const length = bytes.readUInt32LE(at + LENGTH_AT);
    const end = at + RECORD_AT + length;
    if (length > LARGEST_RECORD_BYTES || end > bytes.length) return undefined;
    if (crc32(bytes.subarray(at + LENGTH_AT, end)) !== bytes.readUInt32LE(at)) return undefined;
    const id = bytes.toString("hex", at + ID_AT, at + ID_AT + ID_BYTES) as LayerId;
    const hasRecord = bytes.readUInt8(at + FORM_AT) === WITH_RECORD;
    this.#rows?.set(id, hasRecord ? bytes.subarray(at + RECORD_AT, end) : undefined);
    return end;
  }

  #read(): Buffer {
    try {
      return readRegularFile(this.#layout.names, { largest: LARGEST_FILE_BYTES });
    } catch (error) {
      this.#isTorn = (error as NodeJS.ErrnoException).code !== "ENOENT";
      return Buffer.alloc(0);
    }
  }
}

function rowOf(id: LayerId, record: NameRecord | undefined): Buffer {
  const row = Buffer.concat([Buffer.alloc(RECORD_AT), record ?? Buffer.alloc(0)]);
  row.writeUInt32LE(row.length - RECORD_AT, LENGTH_AT);
  row.write(id, ID_AT, "hex");
  row.writeUInt8(record === undefined ? WITHOUT_RECORD : WITH_RECORD, FORM_AT);
  row.writeUInt32LE(crc32(row.subarray(LENGTH_AT)), 0);
  return row;
}
