import { HOLE_ADDRESS } from "./image-format.js";
import * as F from "./image-format.js";
import { chunkCount, smallestChunkBits } from "./block-runs.js";
import { PLACE } from "./content-places.js";
import { DIGEST_BYTES } from "./content-table.js";
import { encodeDirectoryBlock } from "./directory-blocks.js";
import { encodeMetadataHeader } from "./metadata-header.js";
import { inodeBytes, inodeShape, type InodeShape, type LayerParts, type MetadataLayout } from "./metadata-layout.js";
import type { WindowWriter } from "./window-writer.js";
import { METACOPY_AT, METACOPY_ENTRY, xattrCount } from "./xattr-body.js";

/** Chunk indexes written at a time. */
const INDEX_PIECE = 1 << 14;

/** Where an image's parts stand, in blocks, and the slots of its lenders by their numbers. */
export interface ImageOutline {
  readonly dataBlock: number;
  readonly metadataBlock: number;
  readonly slots: readonly number[];
}

/** Turns a laid out layer into the bytes of its metadata region, in one pass. */
export class MetadataWriter {
  readonly #parts: LayerParts;
  readonly #layout: MetadataLayout;
  readonly #out: WindowWriter;
  readonly #outline: ImageOutline;
  /** Block of the block area that the next inode with blocks there gets. */
  #nextBlock: number;

  constructor(parts: LayerParts, layout: MetadataLayout, out: WindowWriter, outline: ImageOutline) {
    this.#parts = parts;
    this.#layout = layout;
    this.#out = out;
    this.#outline = outline;
    this.#nextBlock = layout.blockArea / F.BLOCK_BYTES;
  }

  write(): void {
    const { digestTable, digestRows, linkTable, links, xattrArea, bytes } = this.#layout;
    const { inodes, contents, xattrs } = this.#parts;
    const header = { digestTable, digestRows, linkTable, linkGroups: links.groups, linkTableBytes: links.bytes.length };
    this.#out.write(0, encodeMetadataHeader(header));
    if (xattrs.hasMetacopy) this.#out.write(METACOPY_AT, METACOPY_ENTRY);
    for (let inode = 0; inode < inodes.count; inode += 1) this.#inode(inode);
    this.#blocks();
    let position = xattrArea;
    for (const entry of xattrs.shared) {
      this.#out.write(position, entry);
      position += entry.length;
    }
    // Row 0 stays zero: it stands for "no digest".
    const contentRows = contents.digests.subarray(0, contents.count * DIGEST_BYTES);
    this.#out.write(digestTable + DIGEST_BYTES, contentRows);
    const directoryRows = inodes.directoryDigests.subarray(0, inodes.directoryDigestCount * DIGEST_BYTES);
    this.#out.write(digestTable + DIGEST_BYTES + contentRows.length, directoryRows);
    this.#out.write(linkTable, links.bytes);
    this.#out.finish(bytes);
  }

  #inode(inode: number): void {
    const { inodes, places, xattrs } = this.#parts;
    const shape = inodeShape(this.#parts, inode);
    const position = (this.#layout.nids[inode] as number) * F.NID_BYTES;
    const headBytes = F.INODE_BYTES + shape.xattrBytes;
    const at = this.#out.at(position, shape.indexBytes > 0 ? headBytes : inodeBytes(shape));
    const { buffer } = this.#out;
    const type = (inodes.mode[inode] as number) & F.MODE.mask;
    buffer.writeUInt16LE(1 | (shape.layout << 1), at);
    buffer.writeUInt16LE(xattrCount(shape.xattrBytes), at + 2);
    buffer.writeUInt16LE(inodes.mode[inode] as number, at + 4);
    writeUInt64(buffer, this.#size(inode, type), at + 8);
    buffer.writeUInt32LE(this.#address(inode, type, shape), at + 16);
    buffer.writeUInt32LE(this.#digestRow(inode, type), at + 20);
    buffer.writeUInt32LE(inodes.uid[inode] as number, at + 24);
    buffer.writeUInt32LE(inodes.gid[inode] as number, at + 28);
    writeUInt64(buffer, inodes.seconds[inode] as number, at + 32);
    buffer.writeUInt32LE(inodes.nanoseconds[inode] as number, at + 40);
    buffer.writeUInt32LE(inodes.links[inode] as number, at + 44);
    xattrs.copy(inodes.xattrs[inode] as number, buffer, at + F.INODE_BYTES, this.#layout.xattrArea);
    if (shape.tailBytes > 0) this.#lastPiece(inode, type, shape.tailBytes, at + headBytes);
    if (shape.layout === F.LAYOUT.chunks) {
      const index = position + F.roundUp(headBytes, F.CHUNK_INDEX_BYTES);
      const content = inodes.payload[inode] as number;
      if (inodes.isBelow[inode] === 1) this.#chunk(-1, 0, this.#out.at(index, F.CHUNK_INDEX_BYTES));
      else this.#chunkIndex(content, places.chunkBits[content] as number, index);
    }
  }

  #size(inode: number, type: number): number {
    return type === F.MODE.file || type === F.MODE.directory || type === F.MODE.symlink
      ? (this.#parts.inodes.size[inode] as number)
      : 0;
  }

  /** The inode's union at offset 16: a block, a chunk format or a device number. */
  #address(inode: number, type: number, { layout, blocks }: InodeShape): number {
    const { inodes, places } = this.#parts;
    if (blocks > 0) {
      const block = this.#outline.metadataBlock + this.#nextBlock;
      this.#nextBlock += blocks;
      return block;
    }
    const payload = inodes.payload[inode] as number;
    if (type === F.MODE.character || type === F.MODE.block) return payload;
    if (type !== F.MODE.file) return 0;
    if (layout === F.LAYOUT.chunks)
      return inodes.isBelow[inode] === 1
        ? F.CHUNK_INDEXES | smallestChunkBits(F.blocksOf(inodes.size[inode] as number), 1)
        : F.CHUNK_INDEXES | (places.chunkBits[payload] as number);
    return places.place[payload] === PLACE.plain ? this.#outline.dataBlock + (places.start[payload] as number) : 0;
  }

  #digestRow(inode: number, type: number): number {
    const { inodes, contents } = this.#parts;
    const payload = inodes.payload[inode] as number;
    if (type === F.MODE.file) return payload + 1;
    return type === F.MODE.directory && payload > 0 ? contents.count + payload : 0;
  }

  /** The bytes after the last whole block: of a directory, a symlink or a short file. */
  #lastPiece(inode: number, type: number, length: number, at: number): void {
    const { inodes, places, arena } = this.#parts;
    const payload = inodes.payload[inode] as number;
    if (type === F.MODE.directory) this.#directoryBlock(inode, this.#layout.lastFirst[inode] as number, at);
    else arena.read(type === F.MODE.file ? (places.start[payload] as number) : payload, length, this.#out.buffer, at);
  }

  /** @returns The directory's first row that is not in this block. */
  #directoryBlock(directory: number, from: number, at: number): number {
    const { rows, nids } = this.#layout;
    const end = rows.first[directory + 1] as number;
    return encodeDirectoryBlock(this.#parts.inodes, nids, rows.rows, from, end, this.#out.buffer, at);
  }

  #chunkIndex(content: number, bits: number, position: number): void {
    const { contents, places } = this.#parts;
    const { runs } = contents;
    const chunks = chunkCount(F.blocksOf(contents.size[content] as number), bits);
    const unit = 2 ** bits;
    let run = places.start[content] as number;
    const end = run + (places.runCount[content] as number);
    for (let first = 0; first < chunks; first += INDEX_PIECE) {
      const count = Math.min(INDEX_PIECE, chunks - first);
      const at = this.#out.at(position + first * F.CHUNK_INDEX_BYTES, count * F.CHUNK_INDEX_BYTES);
      for (let index = 0; index < count; index += 1) {
        const block = (first + index) * unit;
        while (run < end && block >= (runs.block[run] as number) + (runs.length[run] as number)) run += 1;
        this.#chunk(run < end ? run : -1, block, at + index * F.CHUNK_INDEX_BYTES);
      }
    }
  }

  /** @param run The first run that ends after `block`; -1 without. */
  #chunk(run: number, block: number, at: number): void {
    const { runs } = this.#parts.contents;
    const { buffer } = this.#out;
    const into = run < 0 ? -1 : block - (runs.block[run] as number);
    if (into < 0) {
      buffer.writeUInt32LE(HOLE_ADDRESS, at + 4);
      return;
    }
    const lender = runs.lender[run] as number;
    buffer.writeUInt16LE(this.#outline.slots[lender] as number, at + 2);
    buffer.writeUInt32LE((lender === 0 ? this.#outline.dataBlock : 0) + (runs.address[run] as number) + into, at + 4);
  }

  /** The block area, in the order in which `#address` gave it out. */
  #blocks(): void {
    const { inodes } = this.#parts;
    let position = this.#layout.blockArea;
    for (let inode = 0; inode < inodes.count; inode += 1) {
      const { blocks } = inodeShape(this.#parts, inode);
      if (blocks === 0) continue;
      const type = (inodes.mode[inode] as number) & F.MODE.mask;
      let row = this.#layout.rows.first[inode] as number;
      for (let block = 0; block < blocks; block += 1) {
        const at = this.#out.at(position, F.BLOCK_BYTES);
        if (type === F.MODE.directory) row = this.#directoryBlock(inode, row, at);
        else this.#lastPiece(inode, type, inodes.size[inode] as number, at);
        position += F.BLOCK_BYTES;
      }
    }
  }
}

/** Two's complement for a negative number. @param value A safe integer. */
function writeUInt64(buffer: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 2 ** 32);
  buffer.writeUInt32LE(value - high * 2 ** 32, at);
  buffer.writeInt32LE(high, at + 4);
}
