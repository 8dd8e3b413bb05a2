import type { ByteString } from "../../core/model/byte-string.js";
import * as F from "./image-format.js";
import type { Inode, LayerImage } from "./layer-image.js";

export interface Dirent {
  readonly name: ByteString;
  readonly nid: number;
  /** EROFS's file type: `DIRENT_TYPE`. */
  readonly type: number;
}

/** A directory of one layer image. */
export class ImageDirectory {
  readonly image: LayerImage;
  readonly inode: Inode;
  readonly #blocks: number;

  /**
   * @param parent nid of the directory that names it; its own for the root.
   * @throws VarveError LAYER_CORRUPT also when its `..` is not `parent`: so no walk goes in a circle.
   */
  constructor(image: LayerImage, nid: number, parent: number) {
    this.image = image;
    this.inode = image.inode(nid);
    if ((this.inode.mode & F.MODE.mask) !== F.MODE.directory || this.inode.size === 0) {
      throw image.damaged(`inode ${nid} is no directory`);
    }
    this.#blocks = F.blocksOf(this.inode.size);
    if (this.lookup("." as ByteString)?.nid !== nid || this.lookup(".." as ByteString)?.nid !== parent) {
      throw image.damaged(`directory ${nid} has another parent than ${parent}`);
    }
  }

  /** Without `.` and `..`, in byte order. */
  *entries(): Generator<Dirent> {
    let last = "";
    const below = new Set<number>([this.image.rootNid]);
    for (let block = 0; block < this.#blocks; block += 1) {
      for (const entry of this.#entriesOf(block)) {
        if (entry.name <= last) throw this.#damaged();
        last = entry.name;
        if (entry.name === "." || entry.name === "..") continue;
        // A directory with two names would make a tree of any size out of a few bytes.
        if (entry.type === F.DIRENT_DIRECTORY && below.size === below.add(entry.nid).size) throw this.#damaged();
        yield entry;
      }
    }
  }

  lookup(name: ByteString): Dirent | undefined {
    let [low, high] = [0, this.#blocks - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#firstName(middle) <= name) low = middle;
      else high = middle - 1;
    }
    return this.#lookupIn(this.#block(low), name);
  }

  #lookupIn(bytes: Buffer, name: ByteString): Dirent | undefined {
    const count = this.#count(bytes);
    let [low, high] = [0, count - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = nameAt(bytes, middle, count);
      if (found === name) return this.#direntAt(bytes, middle, count);
      if (found < name) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #block(block: number): Buffer {
    const { image, inode } = this;
    const start = block * F.BLOCK_BYTES;
    const length = Math.min(F.BLOCK_BYTES, inode.size - start);
    if (inode.layout === F.LAYOUT.inlineTail && length < F.BLOCK_BYTES) return image.bytes(image.afterXattrs(inode), length);
    image.claimBlock(inode.address + block, inode.nid);
    return image.bytes(inode.address * F.BLOCK_BYTES + start - image.metadataStart, length);
  }

  #firstName(block: number): ByteString {
    const bytes = this.#block(block);
    return nameAt(bytes, 0, this.#count(bytes));
  }

  #entriesOf(block: number): Dirent[] {
    const bytes = this.#block(block);
    const count = this.#count(bytes);
    const entries = new Array<Dirent>(count);
    for (let index = 0; index < count; index += 1) entries[index] = this.#direntAt(bytes, index, count);
    return entries;
  }

  #direntAt(bytes: Buffer, index: number, count: number): Dirent {
    const at = index * F.DIRENT_BYTES;
    const name = nameAt(bytes, index, count);
    if (name.length === 0 || name.length > F.MAXIMUM_NAME_BYTES || name.includes("/") || name.includes("\0"))
      throw this.#damaged();
    const nid = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
    return { name, nid, type: bytes.readUInt8(at + 10) };
  }

  #count(bytes: Buffer): number {
    const names = bytes.length < F.DIRENT_BYTES ? 0 : bytes.readUInt16LE(8);
    if (names === 0 || names % F.DIRENT_BYTES !== 0 || names > bytes.length) throw this.#damaged();
    return names / F.DIRENT_BYTES;
  }

  #damaged(): Error {
    return this.image.damaged(`directory ${this.inode.nid} contradicts itself`);
  }
}

/** A name ends where the next one starts; the last of a block at its end or at a NUL. */
function nameAt(bytes: Buffer, index: number, count: number): ByteString {
  const at = index * F.DIRENT_BYTES;
  const start = bytes.readUInt16LE(at + 8);
  if (index + 1 < count) return bytes.toString("latin1", start, bytes.readUInt16LE(at + F.DIRENT_BYTES + 8)) as ByteString;
  const end = bytes.indexOf(0, start);
  return bytes.toString("latin1", start, end < 0 ? bytes.length : end) as ByteString;
}
