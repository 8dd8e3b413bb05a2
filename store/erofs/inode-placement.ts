import { BLOCK_BYTES, NID_BYTES } from "./image-format.js";

const UNITS_IN_BLOCK = BLOCK_BYTES / NID_BYTES;
/** Gaps further back than this are given up, so that the metadata can be written in one pass through a window of that length. */
export const PLACEMENT_WINDOW_BLOCKS = 256;

/**
 * Gives inodes their place. An inode with what follows it stays within one block as far as it fits into one, since an inline tail must not
 * cross a block's end; smaller ones fill the gaps that others leave.
 */
export class InodePlacement {
  /** Free places by their length, in units of 32 bytes; each counted in units from the metadata start. */
  readonly #gaps: number[][] = Array.from({ length: UNITS_IN_BLOCK + 1 }, () => []);
  #blocks = 1;
  #highest: number;

  /** @param used Bytes taken at the start of the first block: a multiple of 32. */
  constructor(used: number) {
    this.#highest = used / NID_BYTES;
    this.#leave(this.#highest, UNITS_IN_BLOCK - this.#highest);
  }

  /** Blocks begun. */
  get blocks(): number {
    return this.#blocks;
  }

  /** Bytes up to the end of what stands last. */
  get bytes(): number {
    return this.#highest * NID_BYTES;
  }

  /** @returns The nid. */
  place(bytes: number): number {
    const units = Math.ceil(bytes / NID_BYTES);
    const nid = this.#takeGap(units) ?? this.#takeBlocks(units);
    this.#highest = Math.max(this.#highest, nid + units);
    return nid;
  }

  #takeGap(units: number): number | undefined {
    for (let length = units; length <= UNITS_IN_BLOCK; length += 1) {
      const gaps = this.#gaps[length] as number[];
      const gap = gaps.pop();
      if (gap === undefined) continue;
      // Gaps are in ascending order: when the last is too old, all are.
      if (gap < (this.#blocks - PLACEMENT_WINDOW_BLOCKS) * UNITS_IN_BLOCK) gaps.length = 0;
      else {
        this.#leave(gap + units, length - units);
        return gap;
      }
    }
    return undefined;
  }

  #takeBlocks(units: number): number {
    const nid = this.#blocks * UNITS_IN_BLOCK;
    const blocks = Math.ceil(units / UNITS_IN_BLOCK);
    this.#blocks += blocks;
    this.#leave(nid + units, blocks * UNITS_IN_BLOCK - units);
    return nid;
  }

  #leave(gap: number, length: number): void {
    // No inode has less than 64 bytes.
    if (length >= 2) (this.#gaps[length] as number[]).push(gap);
  }
}
