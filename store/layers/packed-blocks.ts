import { createHash } from "node:crypto";
import type { ByteString } from "../../core/model/byte-string.js";
import type { LayerId } from "../../core/model/ids.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import type { LayerImages } from "../erofs/layer-images.js";
import type { ImageRun } from "../erofs/stored-content.js";
import { dataOf, MOST_BLOCKS, type LayerPacks } from "./layer-packs.js";

/** Layers of a chain whose small contents stand in one pack. */
const PACK_LAYERS = 64;

/** Where the data of a layer stands in a pack. */
interface PackedData {
  readonly pack: LayerId;
  /** First block of the data in the layer. */
  readonly from: number;
  readonly count: number;
  /** First block in the pack. */
  readonly address: number;
}

/**
 * Tells for blocks of the layers of a chain where they stand in packs: of each 64 layers after the oldest. A pack is made when it is first needed.
 * What is told depends on the chain alone, not on what was made before.
 */
export class PackedBlocks {
  readonly #packs: LayerPacks;
  readonly #images: LayerImages;
  /** Oldest first; those that come in packs. */
  readonly #layers: readonly LayerId[];
  #positions: ReadonlyMap<LayerId, number> | undefined;
  readonly #places = new Map<LayerId, PackedData | undefined>();

  /** @param chain Newest first. @param images Finds the packs, too. */
  constructor(packs: LayerPacks, images: LayerImages, chain: readonly LayerId[]) {
    this.#packs = packs;
    this.#images = images;
    const count = Math.floor(Math.max(chain.length - 1, 0) / PACK_LAYERS) * PACK_LAYERS;
    this.#layers = chain.slice(chain.length - 1 - count, chain.length - 1).reverse();
  }

  /** The same blocks, in the pack where there is one. */
  relocate(run: ImageRun): ImageRun {
    const place = this.#placeOf(run.layer);
    if (place === undefined) return run;
    const offset = run.address - place.from;
    if (offset < 0 || offset + run.count > place.count) return run;
    return { ...run, layer: place.pack, address: place.address + offset };
  }

  #placeOf(layer: LayerId): PackedData | undefined {
    if (this.#places.has(layer)) return this.#places.get(layer);
    const place = this.#find(layer);
    this.#places.set(layer, place);
    return place;
  }

  #find(layer: LayerId): PackedData | undefined {
    // Of a layer that the chain has twice, the older one counts: so a longer chain says the same.
    this.#positions ??= new Map(this.#layers.map((id, position) => [id, position] as const).reverse());
    const position = this.#positions.get(layer);
    if (position === undefined) return undefined;
    const { from, count } = dataOf(this.#images.get(layer));
    if (count > MOST_BLOCKS) return undefined;
    const first = position - (position % PACK_LAYERS);
    const pack = this.#images.get(this.#packOf(this.#layers.slice(first, first + PACK_LAYERS)));
    const dirent = new ImageDirectory(pack, pack.rootNid, pack.rootNid).lookup(layer as string as ByteString);
    if (dirent === undefined) return undefined;
    const { size, address } = pack.inode(dirent.nid);
    if (size !== count * F.BLOCK_BYTES) throw pack.damaged(`it holds another length of layer "${layer}"`);
    return { pack: pack.id, from, count, address };
  }

  #packOf(layers: readonly LayerId[]): LayerId {
    const key = createHash("sha256")
      .update(`varve pack 1\n${layers.join("")}`)
      .digest("hex");
    return this.#packs.find(key) ?? this.#packs.make(key, layers, this.#images);
  }
}
