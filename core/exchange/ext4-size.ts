import { VarveError } from "../errors.js";
import type { Ext4Fit } from "./ext4-fit.js";

const BLOCK = 4096;
const MIB = 1024 ** 2;
/** mke2fs makes an inode for so many bytes of the filesystem. */
const BYTES_AN_INODE = 16_384;
/** Inodes take 256 bytes each, whether they are used or not. */
const INODE_BYTES = 256;
/** What mke2fs gives the journal, by the filesystem's size: ext2fs_default_journal_size() of e2fsprogs. */
const JOURNALS: readonly (readonly [below: number, bytes: number])[] = [
  [8 * MIB, 0],
  [128 * MIB, 4 * MIB],
  [1024 * MIB, 16 * MIB],
  [2048 * MIB, 32 * MIB],
  [16_384 * MIB, 64 * MIB],
  [32_768 * MIB, 128 * MIB],
  [65_536 * MIB, 256 * MIB],
  [131_072 * MIB, 512 * MIB],
];
const LARGEST_JOURNAL = 1024 * MIB;
/** Descriptors of groups and their copies, room for more of them, bitmaps. */
const FIXED_BYTES = 4 * MIB;
/** What of the whole is left for contents: the kernel keeps a fiftieth back for its own use, and groups have their heads. */
const USABLE = 0.95;

export interface Ext4Size {
  readonly size: number;
  readonly inodes: number;
}

/**
 * How large the filesystem becomes.
 * @param wanted Bytes; by default what the tree takes, a quarter more and 64 MiB, in whole 16 MiB.
 * @throws VarveError DISK_FULL, with the size that is needed, where less is wanted.
 */
export function sizeOfExt4(fit: Pick<Ext4Fit, "inodes" | "blocks">, wanted: number | undefined): Ext4Size {
  const least = leastSize(fit);
  const size = wanted ?? roundUp(least * 1.25 + 64 * MIB, 16 * MIB);
  if (size < least) throw tooSmall(size, least);
  // mke2fs' own number, where that leaves room for as many files again as the room for contents.
  const usual = Math.floor(size / BYTES_AN_INODE);
  const inodes = wanted === undefined ? Math.max(usual, Math.ceil(inodesOf(fit) * 1.25)) : Math.max(inodesOf(fit), usual);
  return { size, inodes };
}

/** Some belong to the filesystem itself. */
function inodesOf({ inodes }: Pick<Ext4Fit, "inodes">): number {
  return inodes + 32;
}

function leastSize(fit: Pick<Ext4Fit, "inodes" | "blocks">): number {
  let size = 0;
  // A larger filesystem has a larger journal and more inodes, which make it larger.
  for (let last = -1; size !== last;) {
    last = size;
    const inodes = Math.max(inodesOf(fit), Math.floor(size / BYTES_AN_INODE));
    const bytes = fit.blocks * BLOCK + inodes * INODE_BYTES + journalOf(size) + FIXED_BYTES;
    size = Math.max(size, roundUp(bytes / USABLE, MIB));
  }
  return size;
}

function journalOf(size: number): number {
  return JOURNALS.find(([below]) => size < below)?.[1] ?? LARGEST_JOURNAL;
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

function tooSmall(size: number, least: number): VarveError {
  const needed = `${Math.ceil(least / MIB)}m`;
  return new VarveError("DISK_FULL", `Cannot make an ext4 image of ${size} bytes: the tree needs ${least}`, {
    hint: `Give it --size ${needed} or more; without --size it gets room besides.`,
  });
}
