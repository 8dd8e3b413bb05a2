import type { BigIntStats } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import { chunkCount } from "./block-runs.js";
import { DIGEST_BYTES } from "./content-table.js";
import * as F from "./image-format.js";
import { PAGE_BYTES, type ImageFiles, type Page } from "./image-files.js";
import { layerCorrupt, lenderCorrupt } from "./layer-corrupt.js";
import { findLinks, LINK_ROW_BYTES } from "./link-table.js";
import { decodeMetadataHeader, METADATA_HEADER_BYTES, type MetadataHeader } from "./metadata-header.js";
import { decodeDevices, decodeSuperblock, headerBlocks, type Device, type SuperblockHead } from "./superblock.js";
import { decodeXattrs, isRedirect, xattrBytes, type DecodedXattrs } from "./xattr-body.js";

/** One inode, decoded and found plausible: what it points at lies within the image. */
export interface Inode {
  readonly nid: number;
  readonly layout: number;
  /** With type bits. */
  readonly mode: number;
  readonly size: number;
  /** A block, a chunk format or a device number. */
  readonly address: number;
  /** Of the digest table; 0: none. */
  readonly digestRow: number;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly links: number;
  readonly xattrBytes: number;
}

/** Where an image is found, and those that lend to it. */
export interface LayerImagePlace {
  readonly files: ImageFiles;
  readonly id: LayerId;
  readonly path: string;
  /** Another one for each image of `files`. */
  readonly number: number;
  /** Whether the file in this state was found to be the image of that id before. */
  readonly isProven: (stat: BigIntStats) => boolean;
  readonly find: (id: LayerId) => LayerImage;
}

/** To the kernel an owner of 2^32 - 1 is none. */
const NO_OWNER = 0xffffffff;
const NO_XATTRS: DecodedXattrs = { xattrs: Object.freeze([]), opaque: false, metacopy: false, redirect: undefined };
const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.keys(F.DIRENT_TYPE).map(Number));

/**
 * One layer image, read piece by piece. Its bytes are a stranger's until they are checked: every address is compared with the image's
 * length before it is used, every length before it is allocated.
 *
 * @throws VarveError LAYER_CORRUPT wherever the image contradicts itself.
 */
export class LayerImage {
  readonly id: LayerId;
  readonly path: string;
  /** Distinguishes the images of one tree. */
  readonly number: number;
  readonly isProven: boolean;
  readonly superblock: SuperblockHead;
  /** The images whose blocks this one points at, by slot less 1. */
  readonly devices: readonly LayerId[];
  readonly metadataStart: number;
  readonly metadataBytes: number;
  readonly header: MetadataHeader;
  readonly #files: ImageFiles;
  readonly #find: (id: LayerId) => LayerImage;
  readonly #slots: readonly Device[];
  /** Those that were opened, at the same index. */
  readonly #lenders: LayerImage[] = [];
  /** By block, the directory that has it: those that were read. */
  readonly #directoryBlocks = new Map<number, number>();
  /** The page used last: most reads want it again. */
  #page: Page = { bytes: Buffer.alloc(0) };
  #pageStart = 0;

  constructor({ files, id, path, number, isProven, find }: LayerImagePlace) {
    this.#files = files;
    this.#find = find;
    this.id = id;
    this.path = path;
    this.number = number;
    const length = files.length(path);
    if (length === undefined) throw this.damaged("it is no regular file");
    this.isProven = isProven(this.stat());
    const superblock = decodeSuperblock(this.imageBytes(0, Math.min(length, F.BLOCK_BYTES)), id, this.isProven);
    if (typeof superblock === "string") throw this.damaged(`its superblock ${superblock}`);
    this.superblock = superblock;
    if (superblock.blocks * F.BLOCK_BYTES !== length) {
      throw this.damaged(`it has ${length} bytes, expected ${superblock.blocks * F.BLOCK_BYTES}`);
    }
    this.metadataStart = superblock.metadataBlock * F.BLOCK_BYTES;
    this.metadataBytes = length - this.metadataStart;
    if (superblock.metadataBlock === 0 || this.metadataBytes <= 0) throw this.damaged("its metadata lies outside of it");
    this.#slots = this.#readDevices();
    this.devices = this.#slots.map(({ id: device }) => device);
    const header = decodeMetadataHeader(this.imageBytes(this.metadataStart, METADATA_HEADER_BYTES));
    if (header === undefined) throw this.damaged("its metadata has no header of a known version");
    this.header = header;
    const { digestTable, digestRows, linkTable, linkGroups, linkTableBytes } = header;
    const tablesFit =
      digestRows >= 1 &&
      digestTable + digestRows * DIGEST_BYTES <= this.metadataBytes &&
      linkTable + linkTableBytes <= this.metadataBytes &&
      linkGroups * LINK_ROW_BYTES <= linkTableBytes;
    if (!tablesFit) throw this.damaged("its tables lie outside of it");
  }

  /** What the device table says of them, in slot order. */
  get lenders(): readonly Device[] {
    return this.#slots;
  }

  get rootNid(): number {
    return this.superblock.rootNid;
  }

  damaged(state: string): VarveError {
    return layerCorrupt(this.id, state, this.path);
  }

  stat(): BigIntStats {
    return this.#files.stat(this.path);
  }

  /** Bytes anywhere in the image, by position in it. @throws VarveError LAYER_CORRUPT when they are not all there. */
  imageBytes(position: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    if (this.read(buffer, position) < length) throw this.damaged(`it ends before byte ${position + length}`);
    return buffer;
  }

  /** Fills the buffer from a position in the image. @returns Bytes read: fewer only at its end. */
  read(buffer: Uint8Array, position: number): number {
    return this.#files.read(this.path, buffer, position);
  }

  /**
   * The image of a chunk index's device; 0 is this one.
   * @throws VarveError LAYER_CORRUPT also when the lender is missing, damaged, or another image than the device table says.
   */
  device(slot: number): LayerImage {
    if (slot === 0) return this;
    const device = this.#slots[slot - 1];
    if (device === undefined) throw this.damaged(`a file lies in device ${slot} of ${this.devices.length}`);
    return (this.#lenders[slot - 1] ??= this.#lender(device));
  }

  #lender({ id, blocks }: Device): LayerImage {
    let lender: LayerImage;
    try {
      lender = this.#find(id);
    } catch (error) {
      if (error instanceof VarveError && error.code === "LAYER_CORRUPT") throw lenderCorrupt(this.id, id, error);
      throw error;
    }
    const found = lender.superblock.blocks;
    if (found === blocks) return lender;
    throw lenderCorrupt(this.id, id, lender.damaged(`it has ${found} blocks, expected ${blocks}`));
  }

  /** Bytes of the metadata region: to be used before the next read, since they may be part of a page, and not to be changed. */
  bytes(position: number, length: number): Buffer {
    if (!(position >= 0 && length >= 0 && position + length <= this.metadataBytes)) {
      throw this.damaged(`${length} bytes at ${position} lie outside of its metadata`);
    }
    const at = this.#at(position);
    if (at + length <= this.#page.bytes.length) return this.#page.bytes.subarray(at, at + length);
    return this.imageBytes(this.metadataStart + position, length);
  }

  inode(nid: number): Inode {
    const position = nid * F.NID_BYTES;
    if (!(position >= METADATA_HEADER_BYTES && position + F.INODE_BYTES <= this.metadataBytes)) {
      throw this.damaged(`inode ${nid} lies outside of its metadata`);
    }
    let at = this.#at(position);
    let page = this.#page.bytes;
    if (at + F.INODE_BYTES > page.length) {
      page = this.bytes(position, F.INODE_BYTES);
      at = 0;
    }
    const format = page.readUInt16LE(at);
    const mode = page.readUInt16LE(at + 4);
    const inode: Inode = {
      nid,
      layout: format >> 1,
      mode,
      size: page.readUInt32LE(at + 8) + page.readUInt32LE(at + 12) * 2 ** 32,
      address: page.readUInt32LE(at + 16),
      digestRow: page.readUInt32LE(at + 20),
      uid: page.readUInt32LE(at + 24),
      gid: page.readUInt32LE(at + 28),
      seconds: page.readUInt32LE(at + 32) + page.readInt32LE(at + 36) * 2 ** 32,
      nanoseconds: page.readUInt32LE(at + 40),
      links: page.readUInt32LE(at + 44),
      xattrBytes: xattrBytes(page.readUInt16LE(at + 2)),
    };
    // Bytes 6 and 7: newer kernels read high bits of addresses there.
    const isOurs = (format & 1) === 1 && page.readUInt16LE(at + 6) === 0 && KNOWN_TYPES.has(mode >> 12);
    if (!isOurs) throw this.damaged(`inode ${nid} has an unknown form`);
    this.#check(inode);
    return inode;
  }

  xattrs(inode: Inode): DecodedXattrs {
    if (inode.xattrBytes === 0) return NO_XATTRS;
    const start = this.superblock.xattrBlock * F.BLOCK_BYTES - this.metadataStart;
    const shared = (position: number, length: number): Buffer => this.bytes(start + position, length);
    // A copy: reading the shared area may fill the page anew.
    const body = Buffer.from(this.bytes(inode.nid * F.NID_BYTES + F.INODE_BYTES, inode.xattrBytes));
    const decoded = decodeXattrs(body, shared);
    if (decoded === undefined || !areMarksOf(inode, decoded))
      throw this.damaged(`the xattrs of inode ${inode.nid} contradict themselves`);
    return decoded;
  }

  /** Where, in the metadata region, an inode's inline tail or chunk index starts. */
  afterXattrs({ nid, xattrBytes: xattrs, layout }: Inode): number {
    const end = nid * F.NID_BYTES + F.INODE_BYTES + xattrs;
    return layout === F.LAYOUT.chunks ? F.roundUp(end, F.CHUNK_INDEX_BYTES) : end;
  }

  /** 64 hex digits. */
  digest(row: number): string {
    if (row === 0 || row >= this.header.digestRows) throw this.damaged(`row ${row} is none of its digest table`);
    return this.bytes(this.header.digestTable + row * DIGEST_BYTES, DIGEST_BYTES).toString("hex");
  }

  /** Every row of the digest table: contents, and what directories hold. */
  *digests(): Generator<ContentDigest> {
    const { digestRows } = this.header;
    for (let row = 1; row < digestRows; row += 1) yield this.digest(row) as ContentDigest;
  }

  /** All names of an inode that has two or more, in walk order. Whether they lead to it, `fsck` looks. */
  links(inode: Pick<Inode, "nid" | "links">): readonly ByteString[] {
    const { linkTable, linkGroups, linkTableBytes } = this.header;
    const read = (offset: number, length: number): Buffer => this.bytes(linkTable + offset, length);
    const paths = findLinks(read, { groups: linkGroups, bytes: linkTableBytes }, inode);
    if (paths === undefined) throw this.damaged(`its link table has not the ${inode.links} names of inode ${inode.nid}`);
    return paths;
  }

  /** @throws VarveError LAYER_CORRUPT when another directory has the block: many with the same would be a tree of any size. */
  claimBlock(block: number, nid: number): void {
    const owner = this.#directoryBlocks.get(block);
    if (owner === undefined) this.#directoryBlocks.set(block, nid);
    else if (owner !== nid) throw this.damaged(`directories ${owner} and ${nid} have a block in common`);
  }

  /** Sees to it that `#page` holds the position. @returns Where in it. */
  #at(position: number): number {
    const at = position - this.#pageStart;
    if (at >= 0 && at < this.#page.bytes.length) return at;
    const page = Math.floor(position / PAGE_BYTES);
    const start = page * PAGE_BYTES;
    const length = Math.min(PAGE_BYTES, this.metadataBytes - start);
    this.#page = this.#files.page(this.number, page, length, (bytes) => {
      if (this.read(bytes, this.metadataStart + start) < length) throw this.damaged("it ends before its metadata does");
    });
    this.#pageStart = start;
    return position - start;
  }

  #readDevices(): readonly Device[] {
    const { deviceCount, deviceTable, metadataBlock } = this.superblock;
    if (deviceCount === 0) return [];
    if (deviceTable + deviceCount * F.SLOT_BYTES > metadataBlock * F.BLOCK_BYTES)
      throw this.damaged("its device table is too long");
    const devices = decodeDevices(this.imageBytes(deviceTable, deviceCount * F.SLOT_BYTES));
    if (devices === undefined) throw this.damaged("its device table names no layers");
    if (devices.some(({ id }) => id === this.id)) throw this.damaged("its device table names itself");
    return devices;
  }

  #check(inode: Inode): void {
    const { nid, size, nanoseconds, mode, links } = inode;
    if (!Number.isSafeInteger(size) || !Number.isSafeInteger(inode.seconds) || nanoseconds > 999_999_999) {
      throw this.damaged(`inode ${nid} has a size or time out of range`);
    }
    if (inode.uid === NO_OWNER || inode.gid === NO_OWNER) throw this.damaged(`inode ${nid} has no owner`);
    // A directory is named by its parent and by itself.
    if (links < ((mode & F.MODE.mask) === F.MODE.directory ? 2 : 1)) throw this.damaged(`inode ${nid} has too few names`);
    const start = this.afterXattrs(inode);
    const after = this.#bytesAfter(inode);
    if (start + after > this.metadataBytes) throw this.damaged(`inode ${nid} lies outside of its metadata`);
    if (inode.layout === F.LAYOUT.chunks) return;
    if ((start % F.BLOCK_BYTES) + after > F.BLOCK_BYTES) throw this.damaged(`inode ${nid} crosses a block's end`);
    if (!this.#hasSoundPlace(inode)) throw this.damaged(`inode ${nid} points outside of where its bytes may stand`);
  }

  /** Contents of a block and more are data; directories, symlinks and shorter contents are metadata, inline where there is an inline tail. */
  #hasSoundPlace({ layout, mode, size, address }: Inode): boolean {
    const type = mode & F.MODE.mask;
    if (type !== F.MODE.file && type !== F.MODE.directory && type !== F.MODE.symlink) {
      return layout === F.LAYOUT.plain && size === 0;
    }
    const isData = type === F.MODE.file && size >= F.BLOCK_BYTES;
    const tail = layout === F.LAYOUT.inlineTail ? size % F.BLOCK_BYTES : 0;
    if (layout === F.LAYOUT.inlineTail && (tail === 0 || isData)) return false;
    const blocks = F.blocksOf(size - tail);
    if (blocks === 0) return true;
    const { metadataBlock, blocks: end } = this.superblock;
    return isData ? this.holdsData(address, blocks) : address >= metadataBlock && address + blocks <= end;
  }

  /** Whether contents may stand in these blocks. */
  holdsData(address: number, count: number): boolean {
    const { deviceCount, metadataBlock } = this.superblock;
    return address >= headerBlocks(deviceCount) && address + count <= metadataBlock;
  }

  /** Bytes that follow an inode and its xattrs. */
  #bytesAfter({ nid, layout, size, address, mode }: Inode): number {
    switch (layout) {
      case F.LAYOUT.plain:
        return 0;
      case F.LAYOUT.inlineTail:
        return size % F.BLOCK_BYTES;
      case F.LAYOUT.chunks: {
        const isKnown = (mode & F.MODE.mask) === F.MODE.file && (address & ~F.CHUNK_BITS_MASK) === F.CHUNK_INDEXES;
        if (!isKnown) throw this.damaged(`inode ${nid} has an unknown chunk format`);
        return chunkCount(F.blocksOf(size), address & F.CHUNK_BITS_MASK) * F.CHUNK_INDEX_BYTES;
      }
      default:
        throw this.damaged(`inode ${nid} has an unknown data layout`);
    }
  }
}

/**
 * Whether overlayfs means by the marks what our reader does: a redirect tells where a file's content stands, and no directory was moved.
 */
function areMarksOf({ mode }: Inode, { opaque, metacopy, redirect }: DecodedXattrs): boolean {
  const type = mode & F.MODE.mask;
  if (type !== F.MODE.file) return !metacopy && redirect === undefined && (!opaque || type === F.MODE.directory);
  return !opaque && (redirect === undefined || (metacopy && isRedirect(redirect)));
}
