import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type { LayerImageFile, LayerName, LayerStore, LayerWriter, WrittenLayer } from "../../core/ports/layer-store.js";
import type { PathSelection } from "../../core/paths/path-selection.js";
import { sourceDateEpoch } from "../clock.js";
import { rememberVariant } from "../content-index/layer-variants.js";
import { StoredContents } from "../content-index/stored-contents.js";
import { DEEPEST_STACK } from "./chain-composition.js";
import { LayerNames, type ObserveReading } from "./layer-names.js";
import { composedImages, makeRuns, openComposedTree, type ObserveProgress } from "./layer-runs.js";
import { syncDirectory } from "../durable-file.js";
import { ImageWriter } from "../erofs/image-writer.js";
import type { LayerImages } from "../erofs/layer-images.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { layerCorrupt } from "../erofs/layer-corrupt.js";
import { ProvenImages } from "../proofs/proven-images.js";

const NAME = /^[0-9a-f]{64}$/;
/** What `st_blocks` counts in. */
const STAT_BLOCK_BYTES = 512;

type LayerStoreLayout = Pick<
  StoreLayout,
  "layers" | "layer" | "scratch" | "contentIndex" | "variants" | "runs" | "packs" | "compositions" | "proofs" | "names"
>;

export interface LayerStoreOptions {
  /** Hears how far `prepare` and `images` have come, where they have much to do. */
  readonly observe?: ObserveProgress | undefined;
  /** Hears how many layers `changes` and `names` had to open. */
  readonly observeNames?: ObserveReading | undefined;
}

/** Layer images in a directory, each named by its id, read-only. Paths must be on one filesystem, so that a finished image is renamed. */
export function openLayerStore(layout: LayerStoreLayout, options: LayerStoreOptions = {}): LayerStore {
  return new DirectoryLayerStore(layout, options);
}

class DirectoryLayerStore implements LayerStore {
  readonly #layout: LayerStoreLayout & { readonly proven: ProvenImages };
  readonly #observe: ObserveProgress | undefined;
  readonly #names: LayerNames;

  constructor(layout: LayerStoreLayout, { observe, observeNames }: LayerStoreOptions) {
    this.#observe = observe;
    this.#layout = { ...layout, proven: new ProvenImages(layout) };
    this.#names = new LayerNames(this.#layout, observeNames);
  }

  write(chain: readonly LayerId[], kept: ReadonlySet<LayerId> = new Set()): LayerWriter {
    // Then the id must be the same in every store, whatever else that holds.
    const isReproducible = sourceDateEpoch() !== undefined;
    const contents = new StoredContents(this.#layout, chain, isReproducible ? new Set() : kept);
    return new ImageWriter({
      chain,
      scratch: () => scratchPath(this.#layout, "layer"),
      blocksOf: (id) => this.#withImages((images) => images.get(id).superblock.blocks),
      lending: contents,
      keep: (file, id, held, canonical) => {
        const isNew = !this.has(id);
        const written = this.#keep(file, id);
        if (isNew) contents.add(id, held);
        if (canonical !== undefined) rememberVariant(this.#layout, canonical, id);
        return written;
      },
      close: () => contents.close(),
    });
  }

  openTree(chain: readonly LayerId[]): Tree {
    return openComposedTree(this.#layout, chain);
  }

  async prepare(chain: readonly LayerId[]): Promise<void> {
    if (chain.length <= DEEPEST_STACK) return;
    try {
      await makeRuns(this.#layout, chain, this.#observe);
    } catch (error) {
      // Whoever may only read reads layer by layer.
      if (!(error instanceof VarveError && error.code === "PERMISSION")) throw error;
    }
  }

  async images(chain: readonly LayerId[]): Promise<readonly LayerImageFile[]> {
    return composedImages(this.#layout, chain, this.#observe);
  }

  has(id: LayerId): boolean {
    return existsSync(this.#path(id));
  }

  changes(id: LayerId, paths: PathSelection): boolean | undefined {
    return this.#names.changes(id, paths);
  }

  names(id: LayerId): Iterable<LayerName> | undefined {
    return this.#names.names(id);
  }

  keepNames(): void {
    this.#names.keep();
  }

  storedBytes(id: LayerId): number {
    const stat = statSync(this.#path(id), { throwIfNoEntry: false });
    if (stat !== undefined) return stat.blocks * STAT_BLOCK_BYTES;
    throw layerCorrupt(id, "it is missing", this.#path(id));
  }

  lenders(id: LayerId): readonly LayerId[] {
    return this.#withImages((images) => images.get(id).devices);
  }

  contentsOf(id: LayerId, wanted: ReadonlySet<ContentDigest>): readonly ContentDigest[] {
    if (wanted.size === 0) return [];
    return this.#withImages((images) => {
      const found: ContentDigest[] = [];
      for (const digest of images.get(id).digests()) if (wanted.has(digest)) found.push(digest);
      return found;
    });
  }

  image(id: LayerId): LayerImageFile {
    const devices = this.#withImages((images) => images.get(id).devices);
    return { id, path: this.#path(id), devices: devices.map((device) => this.#path(device)) };
  }

  list(): readonly LayerId[] {
    try {
      return readdirSync(this.#layout.layers)
        .filter((name) => NAME.test(name))
        .sort() as LayerId[];
    } catch (error) {
      throw systemFailure("list the layers", error, this.#layout.layers);
    }
  }

  #path(id: LayerId): string {
    return path.join(this.#layout.layers, id);
  }

  #withImages<T>(use: (images: LayerImages) => T): T {
    const images = this.#layout.proven.open();
    try {
      return use(images);
    } finally {
      images.close();
    }
  }

  /** The file is on the disk already; here it gets its name, durably. One that stands there is left alone, unless it is damaged. */
  #keep(file: string, id: LayerId): WrittenLayer {
    const { proven, layers } = this.#layout;
    if (this.has(id) && proven.isSound(id, this.#path(id))) rmSync(file);
    else {
      mkdirSync(layers, { recursive: true });
      proven.publish(id, file, this.#path(id));
    }
    syncDirectory(this.#layout.layers);
    return { id, storedBytes: this.storedBytes(id) };
  }
}
