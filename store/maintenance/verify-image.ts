import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { LayerId } from "../../core/model/ids.js";
import type { FileContent, LinkGroup } from "../../core/model/tree.js";
import type { LayerFault } from "../../core/ports/store-checks.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import { ImageFileContent } from "../erofs/image-content.js";
import { leafNode } from "../erofs/image-nodes.js";
import type { LayerImage } from "../erofs/layer-image.js";
import type { LayerImages } from "../erofs/layer-images.js";
import { ImageStoredContent } from "../erofs/stored-content.js";
import { layerIdOf } from "../erofs/layer-id.js";

const PIECE_BYTES = 1 << 20;
/** Whoever has so many wants a backup, not a list. */
const MOST_FAULTS = 1000;
/** Borrowed contents that were read; past that some are read again. */
const MOST_REMEMBERED = 100_000;
/** In a device slot: the lender's length in blocks. */
const SLOT_BLOCKS_AT = 64;

/** One piece of work: a layer, or one of several shares of a large one. */
export interface VerifyTask {
  readonly id: LayerId;
  /** Contents whose row in the digest table is `share` modulo `shares` are read. Share 0 looks at the metadata, too. */
  readonly share: number;
  readonly shares: number;
  readonly content: boolean;
}

/** Verifies layer images of one folder, one after another. */
export class ImageVerifier {
  readonly #images: LayerImages;
  readonly #observe: (bytes: number) => void;
  readonly #buffer = Buffer.allocUnsafe(PIECE_BYTES);
  /** Digest and place of borrowed contents that were found good: chains of chmods borrow the same again and again. */
  readonly #goodBorrowed = new Set<string>();

  /** @param observe Called with the number of bytes that were read since the last call. */
  constructor(images: LayerImages, observe: (bytes: number) => void) {
    this.#images = images;
    this.#observe = observe;
  }

  verify(task: VerifyTask): readonly LayerFault[] {
    const faults: LayerFault[] = [];
    try {
      const image = this.#images.get(task.id);
      if (task.share === 0) this.#metadata(image, faults);
      new Walk(image, task, faults, (content) => this.#contentFault(content)).run();
    } catch (error) {
      faults.push({ kind: "image", state: stateOf(error) });
    }
    return faults.slice(0, MOST_FAULTS);
  }

  #metadata(image: LayerImage, faults: LayerFault[]): void {
    if (layerIdOf(image) !== image.id) faults.push({ kind: "image", state: "its bytes are not those of its id" });
    this.#observe(image.metadataBytes);
    const { deviceTable } = image.superblock;
    image.devices.forEach((id, slot) => {
      const told = image.imageBytes(deviceTable + slot * F.SLOT_BYTES + SLOT_BLOCKS_AT, 4).readUInt32LE(0);
      const state = this.#lenderFault(id, told);
      if (state !== undefined) faults.push({ kind: "lender", state });
    });
  }

  #lenderFault(id: LayerId, blocks: number): string | undefined {
    try {
      const lender = this.#images.get(id);
      return lender.superblock.blocks === blocks
        ? undefined
        : `lender "${id}" has ${lender.superblock.blocks} blocks, not ${blocks}`;
    } catch (error) {
      return `lender "${id}" can't be used: ${stateOf(error)}`;
    }
  }

  /** @returns `undefined` when it is what its digest says. */
  #contentFault(content: ImageFileContent): Omit<LayerFault, "path"> | undefined {
    const { stored } = content;
    const runs = stored instanceof ImageStoredContent ? stored.runs : undefined;
    const borrowed = runs?.some(({ layer }) => layer !== content.inode.layer) === true;
    const key = borrowed ? `${content.digest()} ${runs.map(({ layer, address }) => `${layer} ${address}`).join()}` : "";
    if (borrowed && this.#goodBorrowed.has(key)) return undefined;
    const own = runs === undefined || runs.every(({ layer }) => layer === content.inode.layer);
    if (this.#digestOf(content) !== content.digest()) {
      return { kind: own ? "content" : "lender", state: "has another content than its digest says" };
    }
    if (borrowed && this.#goodBorrowed.size < MOST_REMEMBERED) this.#goodBorrowed.add(key);
    return undefined;
  }

  #digestOf(content: FileContent): string {
    const hash = createHash("sha256");
    const reader = content.open();
    for (let position = 0; ;) {
      const count = reader.read(this.#buffer, position);
      this.#observe(count);
      if (count === 0) return hash.digest("hex");
      hash.update(this.#buffer.subarray(0, count));
      position += count;
    }
  }
}

/** A walk through all directories of one image, without recursion: a tree may be deeper than the stack. */
class Walk {
  readonly #image: LayerImage;
  readonly #task: VerifyTask;
  readonly #faults: LayerFault[];
  readonly #contentFault: (content: ImageFileContent) => Omit<LayerFault, "path"> | undefined;
  /** Rows of the digest table whose content was read. */
  readonly #rows: Uint8Array;
  readonly #groups = new Map<number, ReadonlySet<ByteString>>();

  constructor(
    image: LayerImage,
    task: VerifyTask,
    faults: LayerFault[],
    contentFault: (content: ImageFileContent) => Omit<LayerFault, "path"> | undefined,
  ) {
    this.#image = image;
    this.#task = task;
    this.#faults = faults;
    this.#contentFault = contentFault;
    this.#rows = new Uint8Array(Math.ceil(image.header.digestRows / 8));
  }

  run(): void {
    const { rootNid } = this.#image;
    const pending = [{ at: "" as ByteString, nid: rootNid, parent: rootNid }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { at, nid, parent } = next;
      if (this.#faults.length >= MOST_FAULTS) return;
      this.#attempt(at, () => {
        const directory = new ImageDirectory(this.#image, nid, parent);
        this.#image.xattrs(directory.inode);
        for (const dirent of directory.entries()) {
          const below = joinPath(at, dirent.name);
          if (dirent.type === F.DIRENT_DIRECTORY) pending.push({ at: below, nid: dirent.nid, parent: nid });
          else this.#attempt(below, () => this.#leaf(below, dirent.nid, dirent.type));
        }
      });
    }
  }

  #leaf(at: ByteString, nid: number, type: number): void {
    const node = leafNode(this.#image, { name: at, nid, type });
    if (node === undefined) return;
    const { entry, links } = node;
    if (this.#task.share === 0 && links !== undefined && !this.#names(nid, links).has(at)) {
      this.#faults.push({ kind: "image", path: at, state: "is missing from the link table" });
    }
    if (entry.type !== "file" || !("content" in node) || !(node.content instanceof ImageFileContent)) return;
    const row = this.#image.inode(nid).digestRow;
    const { share, shares, content } = this.#task;
    if (!content) node.content.extents();
    else if (row % shares === share && this.#isNew(row)) {
      const fault = this.#contentFault(node.content);
      if (fault !== undefined) this.#faults.push({ ...fault, path: at });
    }
  }

  /** Kept by inode, since a group of n names is met n times. */
  #names(nid: number, links: LinkGroup): ReadonlySet<ByteString> {
    let names = this.#groups.get(nid);
    if (names === undefined) this.#groups.set(nid, (names = new Set(links.paths())));
    return names;
  }

  #isNew(row: number): boolean {
    const at = row >> 3;
    const bit = 1 << (row & 7);
    const before = this.#rows[at] ?? 0;
    this.#rows[at] = before | bit;
    return (before & bit) === 0;
  }

  /** What other images are blamed for is told by them, too. */
  #attempt(path: ByteString, action: () => void): void {
    try {
      action();
    } catch (error) {
      const blamed = error instanceof VarveError && !error.message.includes(this.#image.id);
      if (this.#task.share === 0 || blamed) this.#faults.push({ kind: blamed ? "lender" : "image", path, state: stateOf(error) });
    }
  }
}

/** What an error of ours says. @throws what is none of ours. */
export function stateOf(error: unknown): string {
  if (!(error instanceof VarveError)) throw error;
  return error.message;
}
