/**
 * Numbers of the EROFS on-disk format, as far as a layer image uses them. Integers are little-endian.
 *
 * @see docs/on-disk-format.md, "Layer image"; linux fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst.
 */
export const BLOCK_BYTES = 4096;
export const BLOCK_BITS = 12;

export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_BYTES = 128;
export const SUPERBLOCK_MAGIC = 0xe0f5e1e2;

/** The unit of `devt_slotoff`, and a slot's length. */
export const SLOT_BYTES = 128;
/** The device table follows the superblock at once. */
export const FIRST_SLOT: number = (SUPERBLOCK_OFFSET + SUPERBLOCK_BYTES) / SLOT_BYTES;
export const SLOTS_IN_BLOCK_0: number = (BLOCK_BYTES - SUPERBLOCK_OFFSET - SUPERBLOCK_BYTES) / SLOT_BYTES;
/** `extra_devices` has 16 bits. */
export const MAXIMUM_SLOTS = 0xffff;

/** An inode stands at metadata start + nid · 32. */
export const NID_BYTES = 32;
/** All our inodes have the extended form. */
export const INODE_BYTES = 64;
/** `root_nid` has 16 bits. */
export const MAXIMUM_ROOT_NID = 0xffff;

/** Bits 1 to 3 of an inode's format. */
export const LAYOUT = { plain: 0, inlineTail: 2, chunks: 4 } as const;
export const CHUNK_INDEX_BYTES = 8;
/** In a chunk format: 8-byte indexes follow, in place of 4-byte addresses. */
export const CHUNK_INDEXES = 0x20;
export const CHUNK_BITS_MASK = 0x1f;
/** A chunk's address that says: a hole. */
export const HOLE_ADDRESS = 0xffffffff;

export const FEATURE_CHECKSUM = 0x1;
export const FEATURE_MTIME = 0x2;
export const FEATURE_CHUNKS = 0x4;
export const FEATURE_DEVICES = 0x8;

export const DIRENT_BYTES = 12;
export const MAXIMUM_NAME_BYTES = 255;

/** Bits of `st_mode` that tell the type. */
export const MODE = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** The type in a directory entry, by `mode >> 12`. */
export const DIRENT_TYPE: Readonly<Record<number, number>> = { 8: 1, 4: 2, 2: 3, 6: 4, 1: 5, 12: 6, 10: 7 };
export const DIRENT_DIRECTORY = 2;
export const DIRENT_CHARACTER = 3;

export function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** The kernel's 32-bit form of a device number: 12 bits major, 20 bits minor. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}
