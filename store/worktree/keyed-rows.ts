import { S_IFMT, S_IFREG } from "../../linux/stat.js";
import { GONE, type StatTable, WORD } from "../directory/stat-table.js";

/** Slots. */
const LONGEST_SEARCH = 64;

/** Rows of files with one name, found by some of their words: 8 bytes a row of the table. */
export class KeyedRows {
  readonly #table: StatTable;
  readonly #words: readonly number[];
  /** Open addressing: row + 1. */
  readonly #slots: Uint32Array;

  /** @param words Those that two rows must have in common. @param wanted Which rows are worth it. */
  constructor(table: StatTable, words: readonly number[], wanted: (row: number) => boolean) {
    this.#table = table;
    this.#words = words;
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(table.length * 2 + 2)));
    for (let row = 0; row < table.length; row++) if (isFile(table, row) && wanted(row)) this.#enter(row);
  }

  /** @param most Of so many rows no more are looked for. */
  find(other: StatTable, otherRow: number, most: number): number[] {
    const found: number[] = [];
    for (let slot = this.#slotOf(other, otherRow); found.length < most; slot = this.#next(slot)) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) break;
      if (this.#words.every((word) => this.#table.word(row, word) === other.word(otherRow, word))) found.push(row);
    }
    return found;
  }

  /** Many rows may have one key, of which few are ever asked for: the others are left out, so that the search stays short. */
  #enter(row: number): void {
    let slot = this.#slotOf(this.#table, row);
    for (let step = 0; this.#slots[slot] !== 0; step++) {
      if (step === LONGEST_SEARCH) return;
      slot = this.#next(slot);
    }
    this.#slots[slot] = row + 1;
  }

  #next(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }

  #slotOf(table: StatTable, row: number): number {
    let mixed = 0;
    for (const word of this.#words) mixed = Math.imul(mixed ^ table.word(row, word), 0x9e3779b1) ^ (mixed >>> 15);
    return (mixed ^ (mixed >>> 13)) & (this.#slots.length - 1);
  }
}

function isFile(table: StatTable, row: number): boolean {
  return (table.word(row, WORD.mode) & S_IFMT) === S_IFREG && table.word(row, WORD.nlink) === 1 && !table.hasFlag(row, GONE);
}
