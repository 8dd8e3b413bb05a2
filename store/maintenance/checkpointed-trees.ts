import { createHash } from "node:crypto";
import { linkSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { WrittenLayer } from "../../core/ports/layer-store.js";
import type { ChainTrees } from "../../core/ports/store-checks.js";
import { ChainTree } from "../erofs/chain-tree.js";
import { ImageWriter } from "../erofs/image-writer.js";
import { LayerImages } from "../erofs/layer-images.js";
import { removeScratch, scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";

/** A directory of a deep chain is put together from as many images; past this, one that shows the older ones is worth its cost. */
const SPACING = 64;
/** Each may take 100 bytes for each file of the tree. The oldest goes. */
const MOST_CHECKPOINTS = 4;

/**
 * Trees of many chains, over one set of opened images. Of deep chains the older part is shown by one image, a checkpoint, which is made
 * once for each 64 layers: going through a history from the oldest commit on, no chain is longer than that.
 */
export class CheckpointedTrees implements ChainTrees {
  readonly #layout: StoreLayout;
  readonly #spacing: number;
  /** Holds links to the layers, and checkpoints beside them. Absent until one is made. */
  readonly #folder: string;
  readonly #linked = new Set<LayerId>();
  readonly #checkpoints = new Map<string, LayerId>();
  #images: LayerImages;
  /** Set when a checkpoint could not be written: then all goes on, slowly. */
  #isReadOnly = false;

  /** @param spacing Layers from one checkpoint to the next. */
  constructor(layout: StoreLayout, spacing: number = SPACING) {
    this.#layout = layout;
    this.#spacing = spacing;
    this.#folder = scratchPath(layout, "check");
    this.#images = new LayerImages(layout.layers);
  }

  async open(chain: readonly LayerId[]): Promise<Tree> {
    const older = Math.floor((chain.length - 1) / this.#spacing) * this.#spacing;
    if (older <= 0 || this.#isReadOnly) return this.#open(chain);
    const newer = chain.length - older;
    const checkpoint = await this.#checkpoint(chain.slice(newer));
    return this.#open(checkpoint === undefined ? chain : [...chain.slice(0, newer), checkpoint]);
  }

  close(): void {
    this.#images.close();
    if (this.#linked.size > 0) removeScratch(this.#folder);
  }

  #open(chain: readonly LayerId[]): Tree {
    if (this.#linked.size > 0) this.#link(chain);
    try {
      return new ChainTree(this.#images, chain);
    } catch (error) {
      // It has closed the images.
      this.#images = new LayerImages(this.#linked.size > 0 ? this.#folder : this.#layout.layers);
      throw error;
    }
  }

  /** @returns `undefined` when none can be written. */
  async #checkpoint(chain: readonly LayerId[]): Promise<LayerId | undefined> {
    const key = createHash("sha256").update(chain.join()).digest("hex");
    const known = this.#checkpoints.get(key);
    if (known !== undefined) return known;
    try {
      if (this.#linked.size === 0) this.#moveToFolder();
      this.#link(chain);
      const made = await this.#write(chain);
      this.#checkpoints.set(key, made);
      this.#forgetOldest();
      return made;
    } catch (error) {
      const failure = systemFailure("write a checkpoint", error, this.#folder);
      if (!(failure instanceof VarveError) || !["PERMISSION", "DISK_FULL", "IO"].includes(failure.code)) throw failure;
      this.#isReadOnly = true;
      return undefined;
    }
  }

  async #write(chain: readonly LayerId[]): Promise<LayerId> {
    const whole = await this.open(chain);
    const empty = new ChainTree(new LayerImages(this.#folder), []);
    const writer = new ImageWriter({
      chain,
      scratch: () => scratchPath(this.#layout, "checkpoint"),
      blocksOf: (id) => this.#images.get(id).superblock.blocks,
      keep: (file, id) => this.#keep(file, id),
    });
    try {
      await writeLayer(writer, empty, whole);
      return writer.publish().id;
    } finally {
      writer.abort();
      empty.close();
    }
  }

  #keep(file: string, id: LayerId): WrittenLayer {
    const target = path.join(this.#folder, id);
    renameSync(file, target);
    this.#linked.add(id);
    return { id, storedBytes: statSync(target).size };
  }

  #moveToFolder(): void {
    mkdirSync(this.#folder, { mode: 0o700 });
    this.#images.close();
    this.#images = new LayerImages(this.#folder);
  }

  /** Layers lend to each other, so all are there: what a chain lacks, its lenders may be. */
  #link(chain: readonly LayerId[]): void {
    for (const id of chain) {
      if (this.#linked.has(id)) continue;
      linkSync(this.#layout.layer(id), path.join(this.#folder, id));
      this.#linked.add(id);
      for (const lender of this.#images.get(id).devices) this.#link([lender]);
    }
  }

  #forgetOldest(): void {
    if (this.#checkpoints.size <= MOST_CHECKPOINTS) return;
    const [key, id] = [...this.#checkpoints][0] as [string, LayerId];
    this.#checkpoints.delete(key);
    // Two chains may add up to one tree.
    if ([...this.#checkpoints.values()].includes(id)) return;
    this.#linked.delete(id);
    rmSync(path.join(this.#folder, id), { force: true });
  }
}
