import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { ImageFiles } from "./image-files.js";
import { LayerImage } from "./layer-image.js";

/** The opened layer images of one tree, or of one look at a store. */
export class LayerImages {
  readonly #directory: string;
  readonly #files: ImageFiles;
  readonly #images = new Map<LayerId, LayerImage>();

  readonly #elsewhere: ReadonlyMap<LayerId, string>;

  /**
   * @param directory Holds the images, each under its id.
   * @param elsewhere Files of those that stand in other places.
   * @param pages Of metadata, kept in memory: see ImageFiles.
   */
  constructor(directory: string, elsewhere: ReadonlyMap<LayerId, string> = new Map(), pages?: number) {
    this.#files = new ImageFiles(pages);
    this.#directory = directory;
    this.#elsewhere = elsewhere;
  }

  /** @throws VarveError STORE_DAMAGED when it is missing or no layer image of that id; PERMISSION, IO. */
  get(id: LayerId): LayerImage {
    let image = this.#images.get(id);
    if (image === undefined) {
      const file = this.#elsewhere.get(id) ?? path.join(this.#directory, id);
      image = new LayerImage({ files: this.#files, id, path: file, number: this.#images.size, find: (other) => this.get(other) });
      this.#images.set(id, image);
    }
    return image;
  }

  close(): void {
    this.#files.close();
    this.#images.clear();
  }
}
