import type { BigIntStats } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { ImageFiles } from "./image-files.js";
import { LayerImage } from "./layer-image.js";

/** Sees to it that opened images are what their ids say, without hashing them each time. */
export interface ImageProofs {
  /** Whether a file in this state was proven to be the image of that id. */
  isProven(id: LayerId, stat: BigIntStats): boolean;
  /** @throws VarveError LAYER_CORRUPT when header and metadata are not those of the image's id. */
  prove(image: LayerImage): void;
  /** Called when the images are closed. */
  keep(): void;
}

/** Where images stand, by id. */
export type ImagePlaces = Pick<ReadonlyMap<LayerId, string>, "get">;

export interface LayerImagesOptions {
  /** Files of images that stand in other places. */
  readonly elsewhere?: ImagePlaces | undefined;
  /** Without them images are opened whatever their metadata's digest: whoever looks for damage wants to see them. */
  readonly proofs?: ImageProofs | undefined;
  /** Of metadata, kept in memory: see ImageFiles. */
  readonly pages?: number;
}

/** The opened layer images of one tree, or of one look at a store. */
export class LayerImages {
  readonly #directory: string;
  readonly #files: ImageFiles;
  readonly #images = new Map<LayerId, LayerImage>();
  readonly #elsewhere: ImagePlaces;
  readonly #proofs: ImageProofs | undefined;

  /** @param directory Holds the images, each under its id. */
  constructor(directory: string, { elsewhere = new Map(), proofs, pages }: LayerImagesOptions = {}) {
    this.#files = new ImageFiles(pages);
    this.#directory = directory;
    this.#elsewhere = elsewhere;
    this.#proofs = proofs;
  }

  /** @throws VarveError LAYER_CORRUPT when it is missing or no layer image of that id; PERMISSION, IO. */
  get(id: LayerId): LayerImage {
    let image = this.#images.get(id);
    if (image === undefined) {
      image = new LayerImage({
        files: this.#files,
        id,
        path: this.fileOf(id),
        number: this.#images.size,
        isProven: (stat) => this.#proofs?.isProven(id, stat) === true,
        find: (other) => this.get(other),
      });
      if (!image.isProven) this.#proofs?.prove(image);
      this.#images.set(id, image);
    }
    return image;
  }

  /** Where the image stands, or would stand. */
  fileOf(id: LayerId): string {
    return this.#elsewhere.get(id) ?? path.join(this.#directory, id);
  }

  close(): void {
    this.#files.close();
    this.#images.clear();
    this.#proofs?.keep();
  }
}
