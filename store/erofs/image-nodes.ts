import type { ByteString } from "../../core/model/byte-string.js";
import type { DirectoryEntry, FileEntry, Metadata } from "../../core/model/entry.js";
import type { ContentDigest } from "../../core/model/ids.js";
import type { Extent, FileContent, FileNode, LinkGroup, OtherNode } from "../../core/model/tree.js";
import { ImageFileContent } from "./image-content.js";
import * as F from "./image-format.js";
import type { Dirent } from "./image-directory.js";
import type { Inode, LayerImage } from "./layer-image.js";

/** Where a chain of layers has a file. */
export interface PlaceInChain {
  path(): ByteString;
  /**
   * The file that the layers below this one's show.
   *
   * @param path By default the file's own.
   * @returns `undefined` when they show none there.
   */
  fileBelow(path: ByteString | undefined): ImageFileNode | undefined;
}

/** A file of one layer image. Its inode is read when it is first asked for. */
export class ImageFileNode implements FileNode {
  readonly #image: LayerImage;
  readonly #nid: number;
  readonly #place: PlaceInChain | undefined;
  #known: Inode | undefined;
  #entry: FileEntry | undefined;

  /** @param place `undefined` for a layer that is looked at alone. */
  constructor(image: LayerImage, nid: number, place?: PlaceInChain) {
    this.#image = image;
    this.#nid = nid;
    this.#place = place;
  }

  get entry(): FileEntry {
    const inode = this.#inode();
    return (this.#entry ??= { type: "file", ...metadataOf(this.#image, inode), size: inode.size });
  }

  get content(): FileContent {
    const place = this.#place;
    const path = place === undefined || this.#inode().links > 1 ? undefined : (): ByteString => place.path();
    const holder = ImageFileNode.#holderOf(this);
    if (holder === undefined) return new AbsentContent(this.#image, this.#inode());
    return this.#checked(new ImageFileContent(holder.#image, holder.#inode(), path));
  }

  /** The node of the layer that holds the content. */
  static #holderOf(node: ImageFileNode): ImageFileNode | undefined {
    // No recursion: each layer of a long chain may have changed the file's mode.
    for (let holder: ImageFileNode | undefined = node; holder !== undefined;) {
      const { metacopy, redirect } = holder.#image.xattrs(holder.#inode());
      if (!metacopy) return holder;
      holder = holder.#place?.fileBelow(redirect?.slice(1) as ByteString | undefined);
    }
    return undefined;
  }

  /** What stands below must be what this layer's digest, which its id covers, says. */
  #checked(content: ImageFileContent): FileContent {
    const inode = this.#inode();
    const { layer, nid } = content.inode;
    const isOwn = nid === inode.nid && layer === this.#image.id;
    if (isOwn || (content.size === inode.size && content.digest() === this.#image.digest(inode.digestRow))) return content;
    return new AbsentContent(this.#image, inode);
  }

  get links(): LinkGroup | undefined {
    return linksOf(this.#image, this.#inode());
  }

  #inode(): Inode {
    this.#known ??= inodeOf(this.#image, this.#nid, F.MODE.file);
    return this.#known;
  }
}

/** Of a file whose content stands in a layer below, which is not there. Its digest is known all the same. */
class AbsentContent implements FileContent {
  readonly size: number;
  readonly knownDigest: ContentDigest;
  readonly stored = undefined;
  readonly #image: LayerImage;

  constructor(image: LayerImage, inode: Inode) {
    this.#image = image;
    this.size = inode.size;
    this.knownDigest = image.digest(inode.digestRow) as ContentDigest;
  }

  digest(): ContentDigest {
    return this.knownDigest;
  }

  extents(): Iterable<Extent> {
    return this.size === 0 ? [] : [{ offset: 0, length: this.size, kind: "data" }];
  }

  open(): never {
    throw this.#image.damaged("a file's content stands in a layer below it, which lacks it");
  }
}

/** A symlink, device, FIFO or socket of one layer image. */
export class ImageOtherNode implements OtherNode {
  readonly #image: LayerImage;
  readonly #inode: Inode;
  #entry: OtherNode["entry"] | undefined;

  constructor(image: LayerImage, inode: Inode) {
    this.#image = image;
    this.#inode = inode;
  }

  get entry(): OtherNode["entry"] {
    return (this.#entry ??= this.#readEntry());
  }

  get links(): LinkGroup | undefined {
    return linksOf(this.#image, this.#inode);
  }

  #readEntry(): OtherNode["entry"] {
    const inode = this.#inode;
    const metadata = metadataOf(this.#image, inode);
    switch (inode.mode & F.MODE.mask) {
      case F.MODE.symlink:
        return { type: "symlink", ...metadata, target: targetOf(this.#image, inode) };
      case F.MODE.character:
        return { type: "character", ...metadata, ...F.decodeDevice(inode.address) };
      case F.MODE.block:
        return { type: "block", ...metadata, ...F.decodeDevice(inode.address) };
      case F.MODE.fifo:
        return { type: "fifo", ...metadata };
      case F.MODE.socket:
        return { type: "socket", ...metadata };
      default:
        throw this.#image.damaged(`inode ${inode.nid} is of another type than its directory says`);
    }
  }
}

/** @returns `undefined` for a whiteout. Not for directories. @param place See ImageFileNode. */
export function leafNode(image: LayerImage, { nid, type }: Dirent, place?: PlaceInChain): FileNode | OtherNode | undefined {
  if (type === FILE_DIRENT) return new ImageFileNode(image, nid, place);
  const inode = image.inode(nid);
  if (F.DIRENT_TYPE[inode.mode >> 12] !== type) throw image.damaged(`inode ${nid} is of another type than its directory says`);
  return isWhiteout(inode) ? undefined : new ImageOtherNode(image, inode);
}

const FILE_DIRENT = F.DIRENT_TYPE[F.MODE.file >> 12];

function isWhiteout({ mode, address }: Inode): boolean {
  return (mode & F.MODE.mask) === F.MODE.character && address === 0;
}

export function directoryEntryOf(image: LayerImage, inode: Inode): DirectoryEntry {
  return { type: "directory", ...metadataOf(image, inode) };
}

function metadataOf(image: LayerImage, inode: Inode): Metadata {
  return {
    mode: inode.mode & 0o7777,
    uid: inode.uid,
    gid: inode.gid,
    mtimeSeconds: inode.seconds,
    mtimeNanoseconds: inode.nanoseconds,
    xattrs: image.xattrs(inode).xattrs,
  };
}

function inodeOf(image: LayerImage, nid: number, type: number): Inode {
  const inode = image.inode(nid);
  if ((inode.mode & F.MODE.mask) === type) return inode;
  throw image.damaged(`inode ${nid} is of another type than its directory says`);
}

function targetOf(image: LayerImage, inode: Inode): ByteString {
  const { size, layout, address } = inode;
  if (size === 0 || size >= F.BLOCK_BYTES) throw image.damaged(`symlink ${inode.nid} has ${size} bytes`);
  const start = layout === F.LAYOUT.inlineTail ? image.afterXattrs(inode) : address * F.BLOCK_BYTES - image.metadataStart;
  const target = image.bytes(start, size).toString("latin1") as ByteString;
  if (target.includes("\0")) throw image.damaged(`symlink ${inode.nid} has a NUL in its target`);
  return target;
}

/**
 * A hardlink group lies wholly in one layer: core writes all its names again when one of them changes. The key is what a file
 * handle of the mounted image holds, its uuid and nid: store/directory/overlay-index.ts looks it up.
 */
function linksOf(image: LayerImage, { nid, links }: Inode): LinkGroup | undefined {
  if (links < 2) return undefined;
  return { key: `${image.id.slice(0, 32)}:${nid}`, paths: () => image.links({ nid, links }) };
}
