import type { LayerId } from "../../../core/model/ids.js";
import { reseal } from "../../fuzz/image-fields.js";

const SUPERBLOCK = 1024;
const DIRECTORY = 0o040000;

/** Where things stand in a layer image, in bytes, found by docs/on-disk-format.md alone: for tests that change it. */
export class ImageAnatomy {
  readonly bytes: Buffer;
  /** Start of the metadata region. */
  readonly metadata: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.metadata = bytes.readUInt32LE(SUPERBLOCK + 40) * 4096;
  }

  /** A field of the superblock. */
  superblock(offset: number): number {
    return SUPERBLOCK + offset;
  }

  /** A slot of the device table, from 1. */
  slot(number: number): number {
    return SUPERBLOCK + 128 * number;
  }

  /** An inode, by its path (the root's is empty). */
  inode(path: string): number {
    return this.metadata + this.nid(path) * 32;
  }

  nid(path: string): number {
    let nid = this.bytes.readUInt16LE(SUPERBLOCK + 14);
    for (const name of path.split("/").filter(Boolean)) nid = this.bytes.readUInt32LE(this.#entryIn(nid, name).at);
    return nid;
  }

  /** An entry of the directory that holds the path's last name, which may be `.` or `..`. */
  entry(path: string): number {
    return this.#entryOf(path).at;
  }

  /** The name that an entry shows. */
  name(path: string): number {
    const { at, block } = this.#entryOf(path);
    return block + this.bytes.readUInt16LE(at + 8);
  }

  /** The xattr area. */
  xattrs(path: string): number {
    return this.inode(path) + 64;
  }

  /** An entry of the xattr area, by its name without the namespace. */
  xattr(path: string, name: string): number {
    const start = this.xattrs(path);
    return this.bytes.indexOf(name, start, "latin1") - 4;
  }

  /** What follows inode and xattrs: inline content, or the chunk index. */
  after(path: string): number {
    const inode = this.inode(path);
    const count = this.bytes.readUInt16LE(inode + 2);
    const end = inode + 64 + (count === 0 ? 0 : 12 + (count - 1) * 4);
    return this.bytes.readUInt16LE(inode) >> 1 === 4 ? Math.ceil(end / 8) * 8 : end;
  }

  /** The block at which an inode's bytes begin. */
  block(path: string): number {
    return this.bytes.readUInt32LE(this.inode(path) + 16);
  }

  /** A number of the header of the metadata region. */
  header(offset: number): number {
    return this.metadata + offset;
  }

  /** A row of the link table. */
  linkRow(row: number): number {
    return this.metadata + Number(this.bytes.readBigUInt64LE(this.metadata + 32)) + row * 16;
  }

  /** Gives the image the checksum, uuid and id that its bytes ask for. */
  seal(): LayerId {
    return reseal(this.bytes) as LayerId;
  }

  #entryOf(path: string): { readonly at: number; readonly block: number } {
    const slash = path.lastIndexOf("/");
    return this.#entryIn(this.nid(path.slice(0, Math.max(slash, 0))), path.slice(slash + 1));
  }

  #entryIn(nid: number, name: string): { readonly at: number; readonly block: number } {
    const inode = this.metadata + nid * 32;
    const size = Number(this.bytes.readBigUInt64LE(inode + 8));
    if ((this.bytes.readUInt16LE(inode + 4) & 0o170000) !== DIRECTORY) throw new RangeError(`inode ${nid} is no directory`);
    for (let start = 0; start < size; start += 4096) {
      const block = this.#directoryBlock(inode, start, Math.min(4096, size - start));
      const count = this.bytes.readUInt16LE(block + 8) / 12;
      for (let at = block; at < block + count * 12; at += 12) {
        const from = block + this.bytes.readUInt16LE(at + 8);
        const next = at + 12 < block + count * 12 ? block + this.bytes.readUInt16LE(at + 20) : from + name.length;
        if (this.bytes.toString("latin1", from, next) === name) return { at, block };
      }
    }
    throw new RangeError(`inode ${nid} has no entry ${name}`);
  }

  #directoryBlock(inode: number, start: number, length: number): number {
    const count = this.bytes.readUInt16LE(inode + 2);
    const isInline = this.bytes.readUInt16LE(inode) >> 1 === 2 && length < 4096;
    if (isInline) return inode + 64 + (count === 0 ? 0 : 12 + (count - 1) * 4);
    return this.bytes.readUInt32LE(inode + 16) * 4096 + start;
  }
}
