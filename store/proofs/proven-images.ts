import { renameSync, statSync, utimesSync, type BigIntStats } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { LayerImage } from "../erofs/layer-image.js";
import { LayerImages, type ImageProofs, type LayerImagesOptions } from "../erofs/layer-images.js";
import { layerIdOf } from "../erofs/layer-id.js";
import { ImageVerifier } from "../erofs/verify-image.js";
import type { StoreLayout } from "../store-layout.js";
import { ProofTable } from "./proof-table.js";

/** Header and metadata have the digest that the id says. */
const DIGEST = 1;
/** Beyond that every inode was read, and every lender is what the device table says: what the kernel may be given. */
const WALKED = 2;

/** The kernel's clock for files ticks some hundred times a second, that of some filesystems every two seconds. */
const CLOCK_TICK_MILLISECONDS = 2000;

export type ProofLayout = Pick<StoreLayout, "layers" | "proofs" | "scratch">;

/**
 * Which images of a store are what their ids say. It is found out once for each state of a file, and remembered: docs/decisions/0007.
 */
export class ProvenImages implements ImageProofs {
  readonly #layout: ProofLayout;
  readonly #table: ProofTable;

  constructor(layout: ProofLayout) {
    this.#layout = layout;
    this.#table = new ProofTable(layout);
  }

  /** The store's images, each proven when it is opened. */
  open(options?: Omit<LayerImagesOptions, "proofs">): LayerImages {
    return new LayerImages(this.#layout.layers, { ...options, proofs: this });
  }

  isProven(id: LayerId, stat: BigIntStats): boolean {
    return this.#table.level(id, stat) >= DIGEST;
  }

  prove(image: LayerImage): void {
    const stat = image.stat();
    if (layerIdOf(image) !== image.id) throw image.damaged("its metadata is not that of its id");
    this.#add(image.id, stat, DIGEST);
  }

  /**
   * Proves of an image all that can be proven without its contents, before the kernel gets it. Costs a look at each lender's state, and a walk
   * through the image when nobody has done that yet.
   *
   * @throws VarveError LAYER_CORRUPT.
   */
  proveForMount(images: LayerImages, id: LayerId): LayerImage {
    const image = images.get(id);
    const stat = image.stat();
    if (this.#table.level(id, stat) < WALKED) {
      // What is wrong with a lender is told of the lender.
      image.devices.forEach((_, index) => void image.device(index + 1));
      const [fault] = new ImageVerifier(images, () => undefined).verify({ id, share: 0, shares: 1, content: false });
      if (fault !== undefined) throw image.damaged(fault.state);
      this.#add(id, stat, WALKED);
    }
    image.devices.forEach((lender, index) => {
      if (!this.#isKnown(lender, images.fileOf(lender))) image.device(index + 1);
    });
    return image;
  }

  /** Whether a file can be used as the image of that id. */
  isSound(id: LayerId, file: string): boolean {
    if (this.#isKnown(id, file)) return true;
    const images = this.open({ elsewhere: new Map([[id, file]]) });
    try {
      images.get(id);
      return true;
    } catch (error) {
      if (error instanceof VarveError && error.code === "LAYER_CORRUPT") return false;
      throw error;
    } finally {
      images.close();
    }
  }

  /**
   * Gives a finished image its name. Its mtime is set back by some seconds, so that each later write changes it.
   * @param file Written by this process: nothing of it need be found out.
   */
  publish(id: LayerId, file: string, target: string): void {
    const past = new Date(Date.now() - CLOCK_TICK_MILLISECONDS);
    utimesSync(file, past, past);
    renameSync(file, target);
    this.#add(id, statSync(target, { bigint: true }), WALKED);
    this.keep();
  }

  /** Removed layers need not be remembered. */
  forget(removed: ReadonlySet<LayerId>): void {
    this.#table.forget(removed);
  }

  keep(): void {
    this.#table.keep();
  }

  #isKnown(id: LayerId, file: string): boolean {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat !== undefined && this.isProven(id, stat);
  }

  /** A file that was just written to may be written to again, and look the same. */
  #add(id: LayerId, stat: BigIntStats, level: number): void {
    const age = Date.now() - Number(stat.mtimeNs / 1_000_000n);
    if (age >= CLOCK_TICK_MILLISECONDS) this.#table.add(id, stat, level);
  }
}
