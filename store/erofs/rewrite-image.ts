import { createHash } from "node:crypto";
import type { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { bufferOf } from "../../core/model/byte-string.js";
import type { Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { runsOfChunks } from "./block-runs.js";
import { PLACE, type ContentPlaces, type LentRun } from "./content-places.js";
import { ContentTable, DIGEST_BYTES } from "./content-table.js";
import { grown } from "./growing-arrays.js";
import { ImageFileContent } from "./image-content.js";
import { ImageDirectory, type Dirent } from "./image-directory.js";
import * as F from "./image-format.js";
import { directoryEntryOf, leafNode } from "./image-nodes.js";
import { composeImage } from "./image-publication.js";
import { WHITEOUT } from "./image-writer.js";
import { InodeTable } from "./inode-table.js";
import type { Inode, LayerImage } from "./layer-image.js";
import type { LayerParts } from "./metadata-layout.js";
import { SpillArena } from "./spill-arena.js";
import { sealHeader } from "./superblock.js";
import { writeAt } from "./write-at.js";
import { XattrTable } from "./xattr-table.js";

const PIECE_BYTES = 1 << 20;
const ROOT = "" as ByteString;

export interface RewriteOptions {
  /** Gives a path for a new scratch file. */
  scratch(): string;
  /** Contents that have more bytes together, holes and borrowed blocks included, are not read. */
  readonly mostContentBytes: number;
}

/**
 * Writes a stranger's layer image anew: read by our reader to the last inode, each content compared with its digest, and put together by our writer. What the
 * writer would not have written so gives other bytes, and so another id: it is refused. Of the stranger's bytes only contents are copied, and only what
 * files show of them.
 *
 * @param fd Of an empty file, open for writing. Whole, but not durable, afterwards.
 * @throws VarveError LAYER_CORRUPT, UNSUPPORTED.
 */
export function* rewriteImage(image: LayerImage, fd: number, options: RewriteOptions): Turns<void> {
  const arena = new SpillArena(() => options.scratch());
  try {
    const parts = new ImageParts(image, fd, arena, options.mostContentBytes);
    yield* parts.read();
    const { metadataBlock } = image.superblock;
    const slots = Array.from({ length: image.devices.length + 1 }, (_, slot) => slot);
    const emit = (bytes: Buffer, position: number): void => writeAt(fd, bytes, position);
    const { id, header } = composeImage(parts.parts(), { dataBlock: 0, metadataBlock, slots }, image.lenders, emit);
    if (id !== image.id) throw image.damaged("written anew by varve it has another id");
    sealHeader(header, id);
    writeAt(fd, header, 0);
  } finally {
    arena.close();
  }
}

interface OpenDirectory {
  readonly nid: number;
  /** Its number in the new image. */
  readonly inode: number;
  readonly entries: Iterator<Dirent>;
}

/** What an image holds, in the order in which `writeLayer` writes it: a directory before what is in it, names in byte order. */
class ImageParts {
  readonly #image: LayerImage;
  readonly #fd: number;
  readonly #arena: SpillArena;
  readonly #inodes = new InodeTable();
  readonly #contents = new ContentTable();
  readonly #xattrs: XattrTable;
  /** By nid, for those that may have another name. */
  readonly #named = new Map<number, number>();
  /** Blocks that a content has. */
  readonly #claimed: Uint8Array;
  #seen = new Uint8Array(64);
  #highestContent = 0;
  #leftBytes: number;
  #whiteout = -1;

  constructor(image: LayerImage, fd: number, arena: SpillArena, mostContentBytes: number) {
    this.#image = image;
    this.#fd = fd;
    this.#arena = arena;
    this.#xattrs = new XattrTable(arena);
    this.#leftBytes = mostContentBytes;
    this.#claimed = new Uint8Array(Math.ceil(image.superblock.metadataBlock / 8));
  }

  *read(): Turns<void> {
    const { rootNid } = this.#image;
    const open = [this.#directory(rootNid, undefined, ROOT)];
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      if (isTurnDue()) yield;
      const next = at.entries.next();
      if (next.done === true) open.pop();
      else if (next.value.type === F.DIRENT_DIRECTORY) open.push(this.#directory(next.value.nid, at, next.value.name));
      else yield* this.#leaf(next.value, at.inode);
    }
  }

  /** Once all is read. */
  parts(): LayerParts {
    const { header, superblock } = this.#image;
    const rows = this.#directoryRows();
    const count = rows.length === 0 ? header.digestRows - 1 : rows.reduce((least, row) => Math.min(least, row), Infinity) - 1;
    if (this.#highestContent > count) throw this.#image.damaged("a file and a directory have one digest");
    this.#contents.count = count;
    this.#contents.size = grown(this.#contents.size, count);
    this.#contents.digests = this.#rows(1, count);
    this.#inodes.directoryDigestCount = header.digestRows - 1 - count;
    this.#inodes.directoryDigests = this.#rows(1 + count, this.#inodes.directoryDigestCount);
    for (let inode = 0; inode < this.#inodes.count; inode += 1) {
      const row = this.#inodes.payload[inode] as number;
      if (this.#inodes.isDirectory(inode) && row > 0) this.#inodes.payload[inode] = row - count;
    }
    const { places } = this.#contents;
    places.hasChunks = superblock.chunks;
    return {
      inodes: this.#inodes,
      contents: this.#contents,
      places: sized(places, count),
      xattrs: this.#xattrs,
      arena: this.#arena,
      whiteout: this.#whiteout,
    };
  }

  #directoryRows(): number[] {
    const rows: number[] = [];
    for (let inode = 0; inode < this.#inodes.count; inode += 1) {
      const row = this.#inodes.payload[inode] as number;
      if (this.#inodes.isDirectory(inode) && row > 0) rows.push(row);
    }
    return rows;
  }

  #rows(first: number, count: number): Buffer {
    const rows = Buffer.allocUnsafeSlow(count * DIGEST_BYTES);
    for (let done = 0; done < rows.length; done += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, rows.length - done);
      this.#image.bytes(this.#image.header.digestTable + first * DIGEST_BYTES + done, length).copy(rows, done);
    }
    return rows;
  }

  #directory(nid: number, parent: OpenDirectory | undefined, name: ByteString): OpenDirectory {
    const directory = new ImageDirectory(this.#image, nid, parent?.nid ?? nid);
    const { inode } = directory;
    if (inode.digestRow !== 0) this.#image.digest(inode.digestRow);
    const number = this.#add(inode, directoryEntryOf(this.#image, inode), inode.digestRow, 0);
    this.#inodes.addName(number, "." as ByteString, number);
    this.#inodes.addName(number, ".." as ByteString, parent?.inode ?? number);
    if (parent !== undefined) this.#inodes.addName(parent.inode, name, number);
    return { nid, inode: number, entries: directory.entries()[Symbol.iterator]() };
  }

  *#leaf(dirent: Dirent, directory: number): Turns<void> {
    const { nid, name } = dirent;
    let number = this.#named.get(nid);
    if (number === undefined) {
      const inode = this.#image.inode(nid);
      number = yield* this.#newLeaf(inode, dirent);
      if (inode.links > 1) this.#named.set(nid, number);
    }
    this.#inodes.addName(directory, name, number);
  }

  *#newLeaf(inode: Inode, dirent: Dirent): Turns<number> {
    const node = leafNode(this.#image, dirent);
    if (node === undefined) {
      // Its metadata is always the same.
      if (this.#whiteout >= 0) throw this.#image.damaged("it has two whiteouts");
      this.#whiteout = this.#inodes.add(F.MODE.character, WHITEOUT, 0, 0, 0);
      return this.#whiteout;
    }
    const { entry } = node;
    if (entry.type === "file") {
      const { metacopy, redirect } = this.#image.xattrs(inode);
      const content = yield* this.#content(inode, metacopy);
      const marks = metacopy ? { metacopy, redirect: redirect?.slice(1) as ByteString | undefined } : undefined;
      const number = this.#add(inode, entry, content, inode.size, marks);
      if (metacopy) this.#inodes.isBelow[number] = 1;
      return number;
    }
    if (entry.type !== "symlink") return this.#add(inode, entry, inode.address, 0);
    const target = bufferOf(entry.target);
    return this.#add(inode, entry, this.#arena.append(target), target.length);
  }

  #add(
    { mode }: Inode,
    entry: Parameters<InodeTable["add"]>[1],
    payload: number,
    size: number,
    marks?: Parameters<XattrTable["add"]>[1],
  ): number {
    return this.#inodes.add(mode & F.MODE.mask, entry, payload, size, this.#xattrs.add(entry.xattrs, marks));
  }

  /** @returns Its number. */
  *#content(inode: Inode, isBelow: boolean): Turns<number> {
    const number = inode.digestRow - 1;
    const content = new ImageFileContent(this.#image, inode);
    const digest = content.digest();
    this.#highestContent = Math.max(this.#highestContent, inode.digestRow);
    if (isBelow) return number;
    this.#seen = grown(this.#seen, number + 1);
    // Another inode with that content stands where this one does, or the image comes out otherwise.
    if (this.#seen[number] === 1) return number;
    this.#seen[number] = 1;
    this.#contents.size = grown(this.#contents.size, number + 1);
    this.#contents.size[number] = inode.size;
    if (inode.size < F.BLOCK_BYTES && inode.layout !== F.LAYOUT.chunks) this.#inline(content, number, digest);
    else yield* this.#blocks(inode, content, number);
    return number;
  }

  #inline(content: ImageFileContent, number: number, digest: string): void {
    const bytes = Buffer.allocUnsafe(content.size);
    const reader = content.open({ check: false });
    reader.read(bytes, 0);
    if (createHash("sha256").update(bytes).digest("hex") !== digest) throw this.#wrongContent();
    const start = bytes.length === 0 ? 0 : this.#arena.append(bytes);
    this.#contents.places.set(number, { place: PLACE.inline, start, chunkBits: 0, runCount: 0 });
  }

  *#blocks(inode: Inode, content: ImageFileContent, number: number): Turns<void> {
    const { runs: table, places } = this.#contents;
    const runs = this.#runs(inode);
    yield* this.#copy(content, runs);
    if (inode.layout === F.LAYOUT.plain) {
      places.set(number, { place: PLACE.plain, start: inode.address, chunkBits: 0, runCount: 0 });
      return;
    }
    const start = table.count;
    for (const run of runs) table.add(run);
    const chunkBits = inode.address & F.CHUNK_BITS_MASK;
    places.set(number, { place: PLACE.chunks, start, chunkBits, runCount: runs.length });
  }

  #runs({ layout, size, address, ...inode }: Inode): readonly LentRun[] {
    const blocks = F.blocksOf(size);
    if (layout !== F.LAYOUT.chunks) return [{ block: 0, count: blocks, address, lender: 0 }];
    const index = this.#image.afterXattrs({ layout, size, address, ...inode });
    const entry = (chunk: number): { device: number; address: number } => {
      const bytes = this.#image.bytes(index + chunk * F.CHUNK_INDEX_BYTES, F.CHUNK_INDEX_BYTES);
      return { device: bytes.readUInt16LE(2), address: bytes.readUInt32LE(4) };
    };
    const runs = runsOfChunks(blocks, address & F.CHUNK_BITS_MASK, entry);
    return [...runs].map(({ device, ...run }) => ({ ...run, lender: device }));
  }

  /** Reads a content once: what stands in this image goes to the same place of the new one. Blocks of zeros are left out, and so is what follows the content. */
  *#copy(content: ImageFileContent, runs: readonly LentRun[]): Turns<void> {
    this.#leftBytes -= content.size;
    if (this.#leftBytes < 0) throw this.#image.damaged("its contents are too large for what it is");
    for (const run of runs) if (run.lender === 0) this.#claim(run);
    const hash = createHash("sha256");
    const reader = content.open({ check: false });
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    let next = 0;
    for (let position = 0; position < content.size;) {
      if (isTurnDue()) yield;
      const count = reader.read(buffer, position);
      if (count === 0) throw this.#image.damaged("it ends before its data does");
      const bytes = buffer.subarray(0, count);
      hash.update(bytes);
      for (let run = runs[next]; run !== undefined; run = runs[next]) {
        if (run.lender === 0) this.#write(bytes, position, run);
        if ((run.block + run.count) * F.BLOCK_BYTES > position + count) break;
        next += 1;
      }
      position += count;
    }
    if (hash.digest("hex") !== content.digest()) throw this.#wrongContent();
  }

  /** Writes of some bytes of a content what stands in a run. */
  #write(bytes: Buffer, position: number, { block, count, address }: LentRun): void {
    const start = block * F.BLOCK_BYTES;
    const from = Math.max(position, start);
    const to = Math.min(position + bytes.length, start + count * F.BLOCK_BYTES);
    if (from >= to) return;
    const piece = bytes.subarray(from - position, to - position);
    if (!isZero(piece)) writeAt(this.#fd, piece, address * F.BLOCK_BYTES + from - start);
  }

  /** Our writer gives each content blocks of its own. */
  #claim({ address, count }: LentRun): void {
    if (!this.#image.holdsData(address, count)) throw this.#image.damaged("a file points outside of where contents stand");
    for (let block = address; block < address + count; block += 1) {
      const [byte, bit] = [block >> 3, 1 << (block & 7)];
      if (((this.#claimed[byte] as number) & bit) !== 0) throw this.#image.damaged("two contents have a block in common");
      this.#claimed[byte] = (this.#claimed[byte] as number) | bit;
    }
  }

  #wrongContent(): VarveError {
    return this.#image.damaged("a file has another content than its digest says");
  }
}

/** With a place for each content, as the writer's have. */
function sized(places: ContentPlaces, count: number): ContentPlaces {
  const { hasChunks } = places;
  if (places.place.length < count) places.set(count - 1, { place: PLACE.inline, start: 0, chunkBits: 0, runCount: 0 });
  places.hasChunks = hasChunks;
  return places;
}

function isZero(bytes: Buffer): boolean {
  return bytes[0] === 0 && bytes.subarray(1).equals(bytes.subarray(0, -1));
}
