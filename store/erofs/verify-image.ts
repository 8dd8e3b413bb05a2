import { createHash } from "node:crypto";
import { isOutOfResources, VarveError } from "../../core/errors.js";
import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { LayerId } from "../../core/model/ids.js";
import type { FileContent, LinkGroup } from "../../core/model/tree.js";
import type { LayerFault } from "../../core/ports/store-checks.js";
import { ImageFileContent } from "./image-content.js";
import { ImageDirectory } from "./image-directory.js";
import * as F from "./image-format.js";
import { leafNode } from "./image-nodes.js";
import { layerIdOf } from "./layer-id.js";
import type { Inode, LayerImage } from "./layer-image.js";
import type { LayerImages } from "./layer-images.js";
import { NameCounts } from "./name-counts.js";
import { ImageStoredContent } from "./stored-content.js";

const PIECE_BYTES = 1 << 20;
/** Whoever has so many wants a backup, not a list. */
const MOST_FAULTS = 1000;
/** Contents in chunks that were read; past that some are read again. */
const MOST_REMEMBERED = 100_000;

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
  /** Digest and place of contents in chunks that were found good: chains of chmods borrow the same again and again. */
  readonly #goodChunks = new Set<string>();

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
      new Walk(image, task, faults, (content, isInChunks) => this.#contentFault(content, isInChunks)).run();
    } catch (error) {
      faults.push({ kind: "image", state: stateOf(error) });
    }
    return faults.slice(0, MOST_FAULTS);
  }

  #metadata(image: LayerImage, faults: LayerFault[]): void {
    if (layerIdOf(image) !== image.id) faults.push({ kind: "image", state: "its bytes are not those of its id" });
    this.#observe(image.metadataBytes);
    for (let slot = 1; slot <= image.devices.length; slot += 1) {
      try {
        image.device(slot);
      } catch (error) {
        faults.push({ kind: "lender", state: stateOf(error) });
      }
    }
  }

  /** @returns `undefined` when it is what its digest says. */
  #contentFault(content: ImageFileContent, isInChunks: boolean): Omit<LayerFault, "path"> | undefined {
    const { stored } = content;
    const runs = stored instanceof ImageStoredContent ? stored.runs : undefined;
    const places = runs?.map(({ layer, block, count, address }) => [layer, block, count, address].join(" ")).join();
    const key = isInChunks ? `${content.digest()} ${content.size} ${places}` : undefined;
    if (key !== undefined && this.#goodChunks.has(key)) return undefined;
    const own = runs === undefined || runs.every(({ layer }) => layer === content.inode.layer);
    if (this.#digestOf(content) !== content.digest()) {
      return { kind: own ? "content" : "lender", state: "has another content than its digest says" };
    }
    if (key !== undefined && this.#goodChunks.size < MOST_REMEMBERED) this.#goodChunks.add(key);
    return undefined;
  }

  #digestOf(content: FileContent): string {
    const hash = createHash("sha256");
    const reader = content.open({ check: false });
    for (let position = 0; ;) {
      const count = reader.read(this.#buffer, position);
      this.#observe(count);
      if (count === 0) return hash.digest("hex");
      hash.update(this.#buffer.subarray(0, count));
      position += count;
    }
  }
}

type ContentCheck = (content: ImageFileContent, isInChunks: boolean) => Omit<LayerFault, "path"> | undefined;

/** A walk through all directories of one image, without recursion: a tree may be deeper than the stack. */
class Walk {
  readonly #image: LayerImage;
  readonly #task: VerifyTask;
  readonly #faults: LayerFault[];
  readonly #contentFault: ContentCheck;
  /** By row of the digest table: the inode of a plain content that was read. */
  readonly #plain: Uint32Array;
  readonly #names: NameCounts;
  readonly #groups = new Map<number, ReadonlySet<ByteString>>();

  constructor(image: LayerImage, task: VerifyTask, faults: LayerFault[], contentFault: ContentCheck) {
    this.#image = image;
    this.#task = task;
    this.#faults = faults;
    this.#contentFault = contentFault;
    this.#plain = new Uint32Array(image.header.digestRows);
    this.#names = new NameCounts(image.metadataBytes / F.NID_BYTES);
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
        if (directory.inode.digestRow !== 0) this.#image.digest(directory.inode.digestRow);
        // Its own name, `.`, and the `..` of each directory in it; of the root `..` is its own name.
        let links = 2;
        for (const dirent of directory.entries()) {
          const below = joinPath(at, dirent.name);
          if (dirent.type !== F.DIRENT_DIRECTORY) this.#attempt(below, () => this.#leaf(below, dirent.nid, dirent.type));
          else {
            links += 1;
            pending.push({ at: below, nid: dirent.nid, parent: nid });
          }
        }
        if (directory.inode.links !== links) this.#miscounted(at, directory.inode.links, links);
      });
    }
    if (this.#task.share === 0) this.#countLinks();
  }

  #countLinks(): void {
    for (const [nid, names] of this.#names.linked()) {
      const { links } = this.#image.inode(nid);
      if (names < links) this.#miscounted(undefined, links, names);
    }
  }

  #miscounted(path: ByteString | undefined, links: number, names: number): void {
    if (this.#task.share !== 0) return;
    this.#faults.push({
      kind: "image",
      ...(path !== undefined && { path }),
      state: `is named ${names} times, its inode says ${links}`,
    });
  }

  #leaf(at: ByteString, nid: number, type: number): void {
    const inode = this.#image.inode(nid);
    if (!this.#names.add(inode)) this.#miscounted(at, inode.links, inode.links + 1);
    const node = leafNode(this.#image, { name: at, nid, type });
    if (node === undefined) return;
    const { entry, links } = node;
    if (this.#task.share === 0 && links !== undefined && !this.#namesOf(nid, links).has(at)) {
      this.#faults.push({ kind: "image", path: at, state: "is missing from the link table" });
    }
    if (entry.type !== "file" || !("content" in node) || !(node.content instanceof ImageFileContent)) return;
    const { share, shares, content } = this.#task;
    if (!content) {
      node.content.extents();
      node.content.digest();
    } else if (inode.digestRow % shares === share && !this.#wasRead(inode)) {
      const fault = this.#contentFault(node.content, inode.layout === F.LAYOUT.chunks);
      if (fault !== undefined) this.#faults.push({ ...fault, path: at });
    }
  }

  /** Kept by inode, since a group of n names is met n times. */
  #namesOf(nid: number, links: LinkGroup): ReadonlySet<ByteString> {
    let names = this.#groups.get(nid);
    if (names === undefined) this.#groups.set(nid, (names = new Set(links.paths())));
    return names;
  }

  /** Whether the same blocks were compared with the same digest already. */
  #wasRead({ nid, layout, address, size, digestRow }: Inode): boolean {
    if (layout !== F.LAYOUT.plain) return false;
    const before = this.#plain[digestRow] ?? 0;
    this.#plain[digestRow] = nid;
    const other = before === 0 ? undefined : this.#image.inode(before);
    return other?.address === address && other.size === size;
  }

  /** What other images are blamed for is told by them, too. */
  #attempt(path: ByteString, action: () => void): void {
    try {
      action();
    } catch (error) {
      const blamed = error instanceof VarveError && error.layers[0] !== this.#image.id;
      if (this.#task.share === 0 || blamed) this.#faults.push({ kind: blamed ? "lender" : "image", path, state: stateOf(error) });
    }
  }
}

/** What an error of ours says. @throws what is none of ours, and what tells of this machine rather than of an image. */
export function stateOf(error: unknown): string {
  if (!(error instanceof VarveError) || isOutOfResources(error)) throw error;
  return error.message;
}
