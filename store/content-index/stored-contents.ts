import { existsSync, readdirSync } from "node:fs";
import type { LayerId } from "../../core/model/ids.js";
import { ImageFileContent } from "../erofs/image-content.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import { LayerImages } from "../erofs/layer-images.js";
import type { HeldContent } from "../erofs/image-writer.js";
import { ImageStoredContent } from "../erofs/stored-content.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { ContentIndex } from "./content-index.js";
import { ContentRows } from "./content-rows.js";
import type { ContentPlace } from "./segment-file.js";

const LAYER_NAME = /^[0-9a-f]{64}$/;

/** The contents of a chain of layers, found by digest. The index is the whole store's. */
export class StoredContents {
  readonly #layout: Pick<StoreLayout, "layers" | "layer" | "scratch" | "contentIndex">;
  readonly #index: ContentIndex;
  /** By layer of the chain: how old it is. */
  readonly #ages: ReadonlyMap<LayerId, number>;
  #images: LayerImages | undefined;

  /** @param chain The layers whose contents are found, newest first. */
  constructor(layout: Pick<StoreLayout, "layers" | "layer" | "scratch" | "contentIndex">, chain: readonly LayerId[]) {
    this.#layout = layout;
    this.#ages = new Map(chain.map((layer, age) => [layer, age]));
    const isStored = (layer: string): boolean => existsSync(layout.layer(layer as LayerId));
    this.#index = new ContentIndex(layout.contentIndex, () => scratchPath(layout, "contents"), isStored);
  }

  /** The content as a layer holds it that is there now; its digest is the one that the layer's own table tells. */
  find(digest: Buffer, size: number): ImageStoredContent | undefined {
    if (this.#ages.size === 0) return undefined;
    if (!this.#index.exists) this.#rebuild();
    // The oldest one: the choice goes into the new layer's id, and must not depend on the order in which the index was filled.
    const age = ({ layer, nid }: ContentPlace): number => (this.#ages.get(layer as LayerId) as number) * 2 ** 32 - nid;
    const candidates = this.#index.find(digest).filter(({ layer }) => this.#ages.has(layer as LayerId));
    for (const { layer, nid } of candidates.sort((a, b) => age(b) - age(a))) {
      const found = this.#read(layer as LayerId, nid);
      if (found?.size === size && found.digest === digest.toString("hex") && found.runs !== undefined) return found;
    }
    return undefined;
  }

  add(layer: LayerId, held: Iterable<HeldContent>): void {
    // Without an index there is nothing to add to: it is made of all layers when it is first asked.
    if (!this.#index.exists && readdirSync(this.#layout.layers).length > 1) return;
    const rows = new ContentRows();
    for (const { digests, at, nid } of held) rows.add(layer, digests, at, nid);
    this.#index.add(rows);
  }

  close(): void {
    this.#index.close();
    this.#images?.close();
    this.#images = undefined;
  }

  /** A row may be of any age, or damaged: what it leads to must be a file that can be read. */
  #read(layer: LayerId, nid: number): ImageStoredContent | undefined {
    try {
      const image = this.#opened().get(layer);
      const inode = image.inode(nid);
      if ((inode.mode & F.MODE.mask) !== F.MODE.file || image.xattrs(inode).metacopy) return undefined;
      const { stored } = new ImageFileContent(image, inode);
      return stored instanceof ImageStoredContent ? stored : undefined;
    } catch {
      return undefined;
    }
  }

  #opened(): LayerImages {
    return (this.#images ??= new LayerImages(this.#layout.layers));
  }

  #rebuild(): void {
    const rows = new ContentRows();
    for (const layer of readdirSync(this.#layout.layers)) if (LAYER_NAME.test(layer)) this.#addLayer(layer as LayerId, rows);
    this.#index.add(rows);
  }

  /** Of a damaged layer, what can be read. */
  #addLayer(layer: LayerId, rows: ContentRows): void {
    try {
      const image = this.#opened().get(layer);
      const pending = [{ nid: image.rootNid, parent: image.rootNid }];
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
        const directory = new ImageDirectory(image, next.nid, next.parent);
        for (const { nid, type } of directory.entries()) {
          if (type === F.DIRENT_DIRECTORY) pending.push({ nid, parent: next.nid });
          else if (type === FILE) addFile(image, nid, rows);
        }
      }
    } catch {
      // fsck tells of it.
    }
  }
}

const FILE = F.DIRENT_TYPE[F.MODE.file >> 12];

function addFile(image: ReturnType<LayerImages["get"]>, nid: number, rows: ContentRows): void {
  const inode = image.inode(nid);
  if (inode.size < F.BLOCK_BYTES || (inode.mode & F.MODE.mask) !== F.MODE.file) return;
  const content = new ImageFileContent(image, inode);
  const { stored } = content;
  const isHeld = inode.layout !== F.LAYOUT.chunks || stored.layers.includes(image.id);
  if (isHeld) rows.add(image.id, Buffer.from(content.digest(), "hex"), 0, nid);
}
