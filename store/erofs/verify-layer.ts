import { createHash } from "node:crypto";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { joinPath, textOf, type ByteString } from "../../core/model/byte-string.js";
import type { LayerId } from "../../core/model/ids.js";
import type { FileContent } from "../../core/model/tree.js";
import { ImageFileContent } from "./image-content.js";
import { ImageDirectory } from "./image-directory.js";
import * as F from "./image-format.js";
import { leafNode } from "./image-nodes.js";
import type { LayerImage } from "./layer-image.js";
import { LayerImages } from "./layer-images.js";
import { headerBlocks, unsealHeader } from "./superblock.js";

const PIECE_BYTES = 1 << 20;

/** Something in a layer image that is not what it should be. */
export interface LayerDamage {
  /** Within the layer; absent when it concerns the image as a whole. */
  readonly path?: ByteString;
  /** Follows the path or the layer's id: `has another content than its digest says`. */
  readonly state: string;
}

/**
 * Reads a layer image wholly: whether it has the id that its name says, whether every inode can be decoded, and whether every file has the
 * content that its digest says, those in other layers included, save what stands in the layers below by path alone. Takes as long as reading the data.
 *
 * @param file The image; the images of its devices are looked for beside it.
 * @returns Nothing when all is well.
 */
export function verifyLayer(file: string, id: LayerId): LayerDamage[] {
  const images = new LayerImages(path.dirname(file));
  const damages: LayerDamage[] = [];
  try {
    const image = images.get(id);
    if (layerIdOf(image) !== id) damages.push({ state: "its bytes are not those of its id" });
    new Verification(image, damages).tree();
  } catch (error) {
    damages.push({ state: stateOf(error) });
  } finally {
    images.close();
  }
  return damages;
}

/** The LayerId that an image's bytes give: SHA-256 over header and metadata region. */
export function layerIdOf(image: LayerImage): string {
  const header = image.imageBytes(0, headerBlocks(image.devices.length) * F.BLOCK_BYTES);
  unsealHeader(header);
  const hash = createHash("sha256").update(header);
  const end = image.metadataStart + image.metadataBytes;
  for (let position = image.metadataStart; position < end; position += PIECE_BYTES) {
    hash.update(image.imageBytes(position, Math.min(PIECE_BYTES, end - position)));
  }
  return hash.digest("hex");
}

class Verification {
  readonly #image: LayerImage;
  readonly #damages: LayerDamage[];
  /** Rows of the digest table whose content was read. */
  readonly #verified: Set<number> = new Set();
  readonly #buffer = Buffer.allocUnsafe(PIECE_BYTES);

  constructor(image: LayerImage, damages: LayerDamage[]) {
    this.#image = image;
    this.#damages = damages;
  }

  tree(): void {
    const { rootNid } = this.#image;
    // No recursion: a tree may be deeper than the stack.
    const pending = [{ at: "" as ByteString, nid: rootNid, parent: rootNid }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { at, nid, parent } = next;
      this.#attempt(at, () => {
        const directory = new ImageDirectory(this.#image, nid, parent);
        this.#image.xattrs(directory.inode);
        for (const dirent of directory.entries()) {
          const below = joinPath(at, dirent.name);
          if (dirent.type === F.DIRENT_DIRECTORY) pending.push({ at: below, nid: dirent.nid, parent: nid });
          else this.#attempt(below, () => this.#leaf(below, dirent.nid, dirent.type));
        }
      });
    }
  }

  #leaf(at: ByteString, nid: number, type: number): void {
    const node = leafNode(this.#image, { name: at, nid, type });
    if (node === undefined) return;
    const { entry, links } = node;
    if (links !== undefined && !links.paths().includes(at)) this.#damages.push({ path: at, state: "lacks in its link table" });
    // Content that stands below is that of another layer, where it is verified.
    if (entry.type !== "file" || !("content" in node) || !(node.content instanceof ImageFileContent)) return;
    const { digestRow } = this.#image.inode(nid);
    if (this.#verified.has(digestRow)) return;
    this.#verified.add(digestRow);
    if (this.#digestOf(node.content) !== node.content.digest()) {
      this.#damages.push({ path: at, state: "has another content than its digest says" });
    }
  }

  #digestOf(content: FileContent): string {
    const hash = createHash("sha256");
    const reader = content.open();
    for (let position = 0; ;) {
      const count = reader.read(this.#buffer, position);
      if (count === 0) return hash.digest("hex");
      hash.update(this.#buffer.subarray(0, count));
      position += count;
    }
  }

  #attempt(at: ByteString, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#damages.push({ path: at, state: stateOf(error) });
    }
  }
}

function stateOf(error: unknown): string {
  if (error instanceof VarveError) return textOf(error.message as ByteString);
  throw error;
}
