import { S_IFMT, S_IFREG } from "../../linux/stat.js";
import { type StatTable, WORD } from "../directory/stat-table.js";

/** Rows of files with one name, by their inode's number: 8 bytes a row of the table. */
export class InodeRows {
  readonly #table: StatTable;
  /** Open addressing: row + 1. */
  readonly #slots: Uint32Array;

  constructor(table: StatTable) {
    this.#table = table;
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(table.length * 2 + 2)));
    for (let row = 0; row < table.length; row++) {
      if (table.word(row, WORD.nlink) !== 1 || (table.word(row, WORD.mode) & S_IFMT) !== S_IFREG) continue;
      let slot = this.#slotOf(table, row);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
      this.#slots[slot] = row + 1;
    }
  }

  /** The row with the same inode number as one of another table. */
  find(other: StatTable, otherRow: number): number | undefined {
    for (let slot = this.#slotOf(other, otherRow); ; slot = (slot + 1) & (this.#slots.length - 1)) {
      const row = this.#slots[slot]! - 1;
      if (row < 0) return undefined;
      const isSame = [WORD.inode, WORD.inode + 1].every((word) => this.#table.word(row, word) === other.word(otherRow, word));
      if (isSame) return row;
    }
  }

  #slotOf(table: StatTable, row: number): number {
    const mixed = Math.imul(table.word(row, WORD.inode) ^ table.word(row, WORD.inode + 1), 0x9e3779b1);
    return (mixed >>> 8) & (this.#slots.length - 1);
  }
}
