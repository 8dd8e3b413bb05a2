import { BLOCK_BYTES, DIRENT_BYTES, DIRENT_TYPE } from "./image-format.js";
import type { InodeTable } from "./inode-table.js";

/** How a directory's entries fall into blocks. An entry never crosses one. */
export interface DirectoryPlan {
  /** Blocks before the last one. */
  readonly fullBlocks: number;
  /** Index of the last block's first row. */
  readonly lastFirst: number;
  /** Bytes of the last block: 1 to 4096. */
  readonly lastBytes: number;
}

/** @param rows Of the name table, in byte order. @param from, to Which of them are the directory's. */
export function planDirectory({ names }: InodeTable, rows: Uint32Array, from: number, to: number): DirectoryPlan {
  let [fullBlocks, lastFirst, lastBytes] = [0, from, 0];
  for (let index = from; index < to; index += 1) {
    const bytes = DIRENT_BYTES + names.length(rows[index] as number);
    if (lastBytes + bytes > BLOCK_BYTES) {
      fullBlocks += 1;
      lastFirst = index;
      lastBytes = 0;
    }
    lastBytes += bytes;
  }
  return { fullBlocks, lastFirst, lastBytes };
}

/**
 * Writes one block of a directory: as many rows as fit, their 12-byte entries, then their names.
 *
 * @param target Zeros from `at` on.
 * @returns The first row that did not fit.
 */
export function encodeDirectoryBlock(
  { names, mode }: InodeTable,
  nids: Uint32Array,
  rows: Uint32Array,
  from: number,
  to: number,
  target: Buffer,
  at: number,
): number {
  let end = from;
  for (let bytes = 0; end < to; end += 1) {
    bytes += DIRENT_BYTES + names.length(rows[end] as number);
    if (bytes > BLOCK_BYTES) break;
  }
  let name = (end - from) * DIRENT_BYTES;
  for (let index = from; index < end; index += 1) {
    const row = rows[index] as number;
    const inode = names.inode[row] as number;
    const entry = at + (index - from) * DIRENT_BYTES;
    target.writeUInt32LE(nids[inode] as number, entry);
    target.writeUInt16LE(name, entry + 8);
    target[entry + 10] = DIRENT_TYPE[(mode[inode] as number) >> 12] as number;
    const start = names.start[row] as number;
    const length = names.length(row);
    for (let byte = 0; byte < length; byte += 1) target[at + name + byte] = names.bytes[start + byte] as number;
    name += length;
  }
  return end;
}
