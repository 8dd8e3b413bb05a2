import type { ByteString } from "../../core/model/byte-string.js";
import type { ContentDigest, LayerId } from "../../core/model/ids.js";
import type { FileContent, StoredContent } from "../../core/model/tree.js";
import type { BlockRun } from "./block-runs.js";

/** Blocks of a layer image. */
export interface ImageRun extends BlockRun {
  readonly layer: LayerId;
}

/** Content of a published layer, as `openTree` gives it and `borrow` takes it. */
export class ImageStoredContent implements StoredContent {
  readonly content: FileContent;
  readonly #runs: () => readonly ImageRun[] | undefined;
  readonly #path: (() => ByteString | undefined) | undefined;

  /**
   * @param runs Gives where the bytes are, in order of `block`; `undefined` when they are not all in whole blocks.
   * @param path Gives StoredContent.path.
   */
  constructor(content: FileContent, runs: () => readonly ImageRun[] | undefined, path?: () => ByteString | undefined) {
    this.content = content;
    this.#runs = runs;
    this.#path = path;
  }

  get path(): ByteString | undefined {
    return this.#path?.();
  }

  get digest(): ContentDigest {
    return this.content.digest();
  }

  get size(): number {
    return this.content.size;
  }

  get runs(): readonly ImageRun[] | undefined {
    return this.#runs();
  }

  get layers(): readonly LayerId[] {
    return [...new Set(this.#runs()?.map(({ layer }) => layer))];
  }
}
