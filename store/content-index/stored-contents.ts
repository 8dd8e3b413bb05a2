import { existsSync, readdirSync } from "node:fs";
import type { LayerId } from "../../core/model/ids.js";
import { ImageFileContent } from "../erofs/image-content.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import type { HeldContent } from "../erofs/image-publication.js";
import type { ImageLending } from "../erofs/image-writer.js";
import type { LayerImages } from "../erofs/layer-images.js";
import { ImageStoredContent } from "../erofs/stored-content.js";
import type { ProvenImages } from "../proofs/proven-images.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { ContentIndex } from "./content-index.js";
import { ContentRows } from "./content-rows.js";
import { DeviceTables } from "./device-tables.js";
import { findVariant } from "./layer-variants.js";
import type { ContentPlace } from "./segment-file.js";

const LAYER_NAME = /^[0-9a-f]{64}$/;
/** Of metadata kept in memory, 2 MiB: contents are mostly asked for in the order in which a layer has them. */
const PAGES = 32;

interface ContentLayout extends Pick<StoreLayout, "layers" | "layer" | "scratch" | "contentIndex" | "variants"> {
  readonly proven: ProvenImages;
}

/** The contents that a layer being written may borrow, found by digest. The index is the whole store's. */
export class StoredContents implements ImageLending {
  readonly #layout: ContentLayout;
  readonly #index: ContentIndex;
  /** By layer of the chain: how old it is. */
  readonly #ages: ReadonlyMap<LayerId, number>;
  readonly #kept: ReadonlySet<LayerId>;
  readonly #chainTables: DeviceTables;
  readonly #keptTables: DeviceTables;
  /** Layers beyond the chain that lent before: they lend again, so that there are few. */
  readonly #proven = new Set<LayerId>();
  #standing: boolean | undefined;
  #images: LayerImages | undefined;

  /** @param chain Newest first. @param kept Layers beyond it that the store is sure to keep. */
  constructor(layout: ContentLayout, chain: readonly LayerId[], kept: ReadonlySet<LayerId>) {
    this.#layout = layout;
    this.#ages = new Map(chain.map((layer, age) => [layer, age]));
    this.#kept = kept;
    const file = (layer: LayerId): string => layout.layer(layer);
    this.#chainTables = new DeviceTables([...chain].reverse(), file);
    this.#keptTables = new DeviceTables([...kept], file);
    const isStored = (layer: string): boolean => existsSync(layout.layer(layer as LayerId));
    this.#index = new ContentIndex(layout.contentIndex, () => scratchPath(layout, "contents"), isStored);
  }

  isOfChain(layer: LayerId): boolean {
    return this.#ages.has(layer) || this.#chainTables.lenders.has(layer);
  }

  isKept(layer: LayerId): boolean {
    if (this.#proven.has(layer)) return true;
    return (this.#kept.has(layer) || this.#keptTables.lenders.has(layer)) && this.#allStand;
  }

  /** The content as a layer holds it that is there now; its digest is the one that the layer's own table tells. */
  find(digest: Buffer, size: number): ImageStoredContent | undefined {
    if (this.#ages.size + this.#kept.size === 0) return undefined;
    if (!this.#index.exists) this.#rebuild();
    const candidates = this.#index.find(digest);
    return this.#first(this.#ofChain(candidates), digest, size) ?? this.#findOutside(candidates, digest, size);
  }

  standing(canonical: LayerId): LayerId | undefined {
    if (this.#isStored(canonical)) return canonical;
    const variant = findVariant(this.#layout, canonical);
    return variant !== undefined && this.#isStored(variant) ? variant : undefined;
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

  /** The oldest one first, then what lends to the chain: the choice goes into the new layer's id, and must not depend on the index's order. */
  #ofChain(candidates: readonly ContentPlace[]): ContentPlace[] {
    const order = ({ layer, nid }: ContentPlace): number => (this.#ages.get(layer) ?? -1) * 2 ** 32 - nid;
    const own = candidates.filter(({ layer }) => this.#ages.has(layer)).sort((a, b) => order(b) - order(a));
    if (own.length === candidates.length) return own;
    const { lenders } = this.#chainTables;
    const place = ({ layer, nid }: ContentPlace): number => (lenders.get(layer) ?? 0) * 2 ** 32 + nid;
    const others = candidates.filter(({ layer }) => !this.#ages.has(layer) && lenders.has(layer));
    return [...own, ...others.sort((a, b) => place(a) - place(b))];
  }

  #findOutside(candidates: readonly ContentPlace[], digest: Buffer, size: number): ImageStoredContent | undefined {
    const others = candidates.filter(({ layer }) => !this.isOfChain(layer) && this.isKept(layer));
    const found = this.#first(
      others.sort((a, b) => Number(this.#proven.has(b.layer)) - Number(this.#proven.has(a.layer))),
      digest,
      size,
    );
    found?.layers.forEach((layer) => this.#proven.add(layer));
    return found;
  }

  #first(candidates: readonly ContentPlace[], digest: Buffer, size: number): ImageStoredContent | undefined {
    for (const { layer, nid } of candidates) {
      const found = this.#read(layer, nid);
      if (found?.size === size && found.digest === digest.toString("hex") && found.runs !== undefined) return found;
    }
    return undefined;
  }

  /**
   * Whether no layer is missing. While one is, nothing is borrowed beyond the chain: so importing the tree of a layer that fsck put into quarantine
   * writes that layer again, and makes the store whole.
   */
  get #allStand(): boolean {
    if (this.#standing === undefined) {
      const standing = new Set(readdirSync(this.#layout.layers));
      this.#standing = [...this.#kept, ...this.#keptTables.lenders.keys()].every((layer) => standing.has(layer));
    }
    return this.#standing;
  }

  #isStored(layer: LayerId): boolean {
    const file = this.#layout.layer(layer);
    return existsSync(file) && this.#layout.proven.isSound(layer, file);
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
    return (this.#images ??= this.#layout.proven.open({ pages: PAGES }));
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
