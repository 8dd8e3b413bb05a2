import type { LayerId } from "../../core/model/ids.js";
import { crc32c } from "../crc.js";
import * as F from "./image-format.js";

/** What a layer image's superblock says, addresses in blocks. */
export interface Superblock {
  readonly rootNid: number;
  readonly inodes: number;
  readonly blocks: number;
  readonly metadataBlock: number;
  /** Where the shared xattrs begin; 0 without any. */
  readonly xattrBlock: number;
  /** Whether an inode has the chunk layout. */
  readonly chunks: boolean;
  readonly devices: readonly Device[];
}

/** An image whose blocks this one points at. Chunk indexes count them from 1. */
export interface Device {
  readonly id: LayerId;
  /** Length of that image. */
  readonly blocks: number;
}

/** Blocks that block 0 and a device table of so many slots take: where data may start. */
export function headerBlocks(slots: number): number {
  return F.blocksOf((F.FIRST_SLOT + slots) * F.SLOT_BYTES);
}

/** Block 0 and the device table, up to the end of its last block, with checksum and uuid zero: so it goes into the LayerId. */
export function encodeHeader(superblock: Superblock): Buffer {
  const { devices } = superblock;
  const header = Buffer.alloc(headerBlocks(devices.length) * F.BLOCK_BYTES);
  const at = F.SUPERBLOCK_OFFSET;
  header.writeUInt32LE(F.SUPERBLOCK_MAGIC, at);
  header.writeUInt32LE(F.FEATURE_CHECKSUM | F.FEATURE_MTIME, at + 8);
  header.writeUInt8(F.BLOCK_BITS, at + 12);
  header.writeUInt16LE(superblock.rootNid, at + 14);
  header.writeBigUInt64LE(BigInt(superblock.inodes), at + 16);
  header.writeUInt32LE(superblock.blocks, at + 36);
  header.writeUInt32LE(superblock.metadataBlock, at + 40);
  header.writeUInt32LE(superblock.xattrBlock, at + 44);
  header.writeUInt32LE((superblock.chunks ? F.FEATURE_CHUNKS : 0) | (devices.length > 0 ? F.FEATURE_DEVICES : 0), at + 80);
  header.writeUInt16LE(devices.length, at + 86);
  header.writeUInt16LE(devices.length > 0 ? F.FIRST_SLOT : 0, at + 88);
  devices.forEach((device, index) => {
    const slot = (F.FIRST_SLOT + index) * F.SLOT_BYTES;
    header.write(device.id, slot, "latin1");
    header.writeUInt32LE(device.blocks, slot + 64);
  });
  return header;
}

/** Puts in what the LayerId does not cover: the uuid, which is the id's first half, and the checksum. */
export function sealHeader(header: Buffer, id: LayerId): void {
  header.write(id, F.SUPERBLOCK_OFFSET + 48, 16, "hex");
  header.writeUInt32LE(checksum(header), F.SUPERBLOCK_OFFSET + 4);
}

/** The header as it was hashed: the opposite of `sealHeader`. */
export function unsealHeader(header: Buffer): void {
  header.fill(0, F.SUPERBLOCK_OFFSET + 48, F.SUPERBLOCK_OFFSET + 64);
  header.fill(0, F.SUPERBLOCK_OFFSET + 4, F.SUPERBLOCK_OFFSET + 8);
}

/** Over the rest of block 0 from the superblock on, the checksum itself taken as zero. */
function checksum(header: Buffer): number {
  const covered = Buffer.from(header.subarray(F.SUPERBLOCK_OFFSET, F.BLOCK_BYTES));
  covered.fill(0, 4, 8);
  return crc32c(covered);
}

/**
 * Reads block 0. The device table is decoded apart, by `decodeDevices`, since it may be longer.
 *
 * @param isProven Whether this very block was found sound before: its checksum takes longer than all else, in a program that has just begun.
 * @returns What is wrong, as text that follows "the superblock", when it is no superblock of ours.
 */
export function decodeSuperblock(block: Buffer, id: LayerId, isProven = false): SuperblockHead | string {
  const at = F.SUPERBLOCK_OFFSET;
  if (block.length < F.BLOCK_BYTES) return "is cut off";
  if (block.readUInt32LE(at) !== F.SUPERBLOCK_MAGIC) return "has another magic number";
  if (!isProven && block.readUInt32LE(at + 4) !== checksum(block)) return "has a wrong checksum";
  if (block.readUInt8(at + 12) !== F.BLOCK_BITS) return "tells another block size than 4096";
  if (block.readUInt32LE(at + 80) & ~(F.FEATURE_CHUNKS | F.FEATURE_DEVICES)) return "asks for unknown features";
  if (block.toString("hex", at + 48, at + 64) !== id.slice(0, 32)) return "has the uuid of another layer";
  if (!areRestZeros(block)) return "has values where zeros should be";
  return {
    rootNid: block.readUInt16LE(at + 14),
    blocks: block.readUInt32LE(at + 36),
    metadataBlock: block.readUInt32LE(at + 40),
    xattrBlock: block.readUInt32LE(at + 44),
    chunks: (block.readUInt32LE(at + 80) & F.FEATURE_CHUNKS) !== 0,
    deviceCount: block.readUInt16LE(at + 86),
    deviceTable: block.readUInt16LE(at + 88) * F.SLOT_BYTES,
  };
}

/** What docs/on-disk-format.md does not list means something to some kernel: another place of xattr prefixes, of packed files. */
const UNUSED: readonly (readonly [from: number, to: number])[] = [
  [13, 14],
  [24, 36],
  [64, 80],
  [84, 86],
  [90, F.SUPERBLOCK_BYTES],
];

function areRestZeros(block: Buffer): boolean {
  const at = F.SUPERBLOCK_OFFSET;
  if (block.readUInt32LE(at + 8) !== (F.FEATURE_CHECKSUM | F.FEATURE_MTIME)) return false;
  const hasDevices = block.readUInt16LE(at + 86) > 0;
  if (hasDevices !== ((block.readUInt32LE(at + 80) & F.FEATURE_DEVICES) !== 0)) return false;
  if (block.readUInt16LE(at + 88) !== (hasDevices ? F.FIRST_SLOT : 0)) return false;
  return UNUSED.every(([from, to]) => isZero(block, at + from, at + to));
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

export interface SuperblockHead {
  readonly rootNid: number;
  readonly blocks: number;
  readonly metadataBlock: number;
  readonly xattrBlock: number;
  /** Whether an inode may have the chunk layout. */
  readonly chunks: boolean;
  readonly deviceCount: number;
  /** Byte offset. */
  readonly deviceTable: number;
}

/** @param table The slots alone. @returns `undefined` when a tag is no LayerId. */
export function decodeDevices(table: Buffer): Device[] | undefined {
  const devices: Device[] = [];
  for (let slot = 0; slot < table.length; slot += F.SLOT_BYTES) {
    const tag = table.toString("latin1", slot, slot + 64);
    // An address mapped into this image's own would give its blocks another meaning.
    if (!/^[0-9a-f]{64}$/.test(tag) || !isZero(table, slot + 68, slot + F.SLOT_BYTES)) return undefined;
    devices.push({ id: tag as LayerId, blocks: table.readUInt32LE(slot + 64) });
  }
  return devices;
}
