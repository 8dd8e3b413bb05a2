import { VarveError } from "../../core/errors.js";
import { PLACE, type ContentPlaces } from "./content-places.js";
import { DIGEST_BYTES, type ContentTable } from "./content-table.js";
import { chunkCount } from "./block-runs.js";
import { planDirectory } from "./directory-blocks.js";
import * as F from "./image-format.js";
import { InodePlacement } from "./inode-placement.js";
import type { DirectoryRows, InodeTable } from "./inode-table.js";
import { encodeLinkTable, type LinkTable } from "./link-table.js";
import { METADATA_HEADER_BYTES } from "./metadata-header.js";
import type { SpillArena } from "./spill-arena.js";
import type { XattrTable } from "./xattr-table.js";

/** All that a layer holds, before it becomes bytes. */
export interface LayerParts {
  readonly inodes: InodeTable;
  readonly contents: ContentTable;
  /** Where the contents stand in the image that is laid out. */
  readonly places: ContentPlaces;
  readonly xattrs: XattrTable;
  readonly arena: SpillArena;
  /** The inode that all whiteouts share; -1 without. */
  readonly whiteout: number;
}

/** Where everything stands in the metadata region, in bytes from its start. */
export interface MetadataLayout {
  readonly rows: DirectoryRows;
  /** By inode. */
  readonly nids: Uint32Array;
  /** By inode: index in `rows` of the first name of a directory's last block. */
  readonly lastFirst: Uint32Array;
  /** Whole blocks that inodes point at: of directories, and of what is too long to follow its inode in one block. */
  readonly blockArea: number;
  readonly xattrArea: number;
  readonly digestTable: number;
  readonly digestRows: number;
  readonly linkTable: number;
  readonly links: LinkTable;
  /** Of the whole region: a multiple of a block. */
  readonly bytes: number;
}

/** What an inode is made of, in bytes. */
export interface InodeShape {
  readonly layout: number;
  readonly xattrBytes: number;
  /** Chunk index, with what aligns it. */
  readonly indexBytes: number;
  readonly tailBytes: number;
  /** Blocks of the block area. */
  readonly blocks: number;
}

/** The inode's data as bytes in the metadata region: whole blocks, and a last piece that may follow the inode. */
interface OwnBytes {
  readonly blocks: number;
  readonly last: number;
}

const NONE: OwnBytes = { blocks: 0, last: 0 };

/** Gives every inode its place and every table its offset. */
export function layOutMetadata(parts: LayerParts): MetadataLayout {
  const { inodes, contents, xattrs } = parts;
  const rows = inodes.names.group(inodes.count);
  const lastFirst = new Uint32Array(inodes.count);
  const nids = new Uint32Array(inodes.count);
  const placement = new InodePlacement(METADATA_HEADER_BYTES);
  let blocks = 0;
  for (let inode = 0; inode < inodes.count; inode += 1) {
    if (inodes.isDirectory(inode)) lastFirst[inode] = measureDirectory(inodes, rows, inode);
    const shape = inodeShape(parts, inode);
    nids[inode] = placement.place(inodeBytes(shape));
    blocks += shape.blocks;
  }
  const links = encodeLinkTable(inodes, rows, nids, parts.whiteout);
  const blockArea = placement.blocks * F.BLOCK_BYTES;
  const xattrArea = blockArea + blocks * F.BLOCK_BYTES;
  const tables = xattrArea + xattrs.sharedBytes > blockArea ? xattrArea + xattrs.sharedBytes : placement.bytes;
  const digestTable = F.roundUp(tables, DIGEST_BYTES);
  const digestRows = 1 + contents.count + inodes.directoryDigestCount;
  const linkTable = digestTable + digestRows * DIGEST_BYTES;
  const bytes = F.roundUp(linkTable + links.bytes.length, F.BLOCK_BYTES);
  if (bytes / F.NID_BYTES > 0xffffffff) {
    throw new VarveError("UNSUPPORTED", "Cannot write the layer: its metadata takes more than 128 GiB");
  }
  return { rows, nids, lastFirst, blockArea, xattrArea, digestTable, digestRows, linkTable, links, bytes };
}

export function inodeBytes({ xattrBytes, indexBytes, tailBytes }: InodeShape): number {
  return F.INODE_BYTES + xattrBytes + indexBytes + tailBytes;
}

/** Depends on nothing but the inode itself, so it may be asked again. */
export function inodeShape({ inodes, contents, places, xattrs }: LayerParts, inode: number): InodeShape {
  const xattrBytes = xattrs.length(inodes.xattrs[inode] as number);
  const type = (inodes.mode[inode] as number) & F.MODE.mask;
  const content = type === F.MODE.file ? (inodes.payload[inode] as number) : -1;
  const isBelow = inodes.isBelow[inode] === 1;
  if (isBelow || (content >= 0 && places.place[content] === PLACE.chunks)) {
    // A file whose content stands below is one hole to whoever reads this image alone.
    const chunks = isBelow ? 1 : chunkCount(F.blocksOf(contents.size[content] as number), places.chunkBits[content] as number);
    const indexBytes = F.roundUp(xattrBytes, F.CHUNK_INDEX_BYTES) - xattrBytes + chunks * F.CHUNK_INDEX_BYTES;
    return { layout: F.LAYOUT.chunks, xattrBytes, indexBytes, tailBytes: 0, blocks: 0 };
  }
  const isInMetadata = content < 0 || places.place[content] === PLACE.inline;
  const { blocks, last } = isInMetadata ? ownBytes(inodes.size[inode] as number) : NONE;
  const fits = F.INODE_BYTES + xattrBytes + last <= F.BLOCK_BYTES;
  const isInline = last > 0 && fits;
  return {
    layout: isInline ? F.LAYOUT.inlineTail : F.LAYOUT.plain,
    xattrBytes,
    indexBytes: 0,
    tailBytes: isInline ? last : 0,
    blocks: blocks + (last > 0 && !fits ? 1 : 0),
  };
}

function ownBytes(size: number): OwnBytes {
  return { blocks: Math.floor(size / F.BLOCK_BYTES), last: size % F.BLOCK_BYTES };
}

/** Sets the directory's size. @returns Index of its last block's first row. */
function measureDirectory(inodes: InodeTable, { first, rows }: DirectoryRows, directory: number): number {
  const { fullBlocks, lastFirst, lastBytes } = planDirectory(
    inodes,
    rows,
    first[directory] as number,
    first[directory + 1] as number,
  );
  inodes.size[directory] = fullBlocks * F.BLOCK_BYTES + lastBytes;
  return lastFirst;
}
