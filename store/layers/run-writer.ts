import type { StoredContent } from "../../core/model/tree.js";
import type { PlaceBelow } from "../../core/ports/layer-store.js";
import { ImageWriter, type ImageSurroundings } from "../erofs/image-writer.js";
import { ImageStoredContent } from "../erofs/stored-content.js";
import type { PackedBlocks } from "./packed-blocks.js";

/** Writes an image that shows several layers. What stands in packs is borrowed from there. */
export class RunWriter extends ImageWriter {
  readonly #packed: PackedBlocks;

  constructor(packed: PackedBlocks, surroundings: ImageSurroundings) {
    super(surroundings);
    this.#packed = packed;
  }

  override borrow(stored: StoredContent, below?: () => PlaceBelow | undefined): StoredContent {
    return super.borrow(stored instanceof ImageStoredContent ? this.#relocated(stored) : stored, below);
  }

  #relocated(stored: ImageStoredContent): ImageStoredContent {
    const runs = (): ImageStoredContent["runs"] => stored.runs?.map((run) => this.#packed.relocate(run));
    return new ImageStoredContent(stored.content, runs, () => stored.path);
  }
}
