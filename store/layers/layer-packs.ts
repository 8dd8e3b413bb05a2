import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { LayerId } from "../../core/model/ids.js";
import type { WrittenLayer } from "../../core/ports/layer-store.js";
import { ImageDirectory } from "../erofs/image-directory.js";
import * as F from "../erofs/image-format.js";
import { ImageWriter } from "../erofs/image-writer.js";
import type { LayerImage } from "../erofs/layer-image.js";
import type { LayerImages } from "../erofs/layer-images.js";
import { headerBlocks } from "../erofs/superblock.js";
import type { ProvenImages } from "../proofs/proven-images.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { areContentsSound } from "./sound-contents.js";

export interface PackLayout extends Pick<StoreLayout, "scratch" | "packs"> {
  readonly proven: ProvenImages;
}

/** A layer with more blocks of data is a device of its own: 64 KiB. */
export const MOST_BLOCKS = 16;

const PACK_NAME = /^([0-9a-f]{64})\.([0-9a-f]{64})$/;

/**
 * The packs of a chain: copies of the data of small layers, 64 layers in one image, so that a mount which shows thousands of layers opens tens of
 * files. A pack's file is `<key>.<id>`, where the key tells the layers; it holds, as a file named by its id, the data region of each.
 */
export class LayerPacks {
  readonly #layout: PackLayout;
  #ids: Map<string, LayerId> | undefined;
  #files: Map<LayerId, string> | undefined;

  constructor(layout: PackLayout) {
    this.#layout = layout;
  }

  /** @returns `undefined` for an id that is no pack's. */
  get(id: LayerId): string | undefined {
    this.#list();
    return this.#files?.get(id);
  }

  /** The pack of these layers. @returns `undefined` when it is not there, or is damaged. */
  find(key: string): LayerId | undefined {
    this.#list();
    const id = this.#ids?.get(key);
    return id !== undefined && this.#layout.proven.isSound(id, this.get(id) as string) ? id : undefined;
  }

  /**
   * Makes a pack. @param layers Oldest first.
   * @throws VarveError DISK_FULL, PERMISSION.
   */
  make(key: string, layers: readonly LayerId[], images: LayerImages): LayerId {
    const writer = new ImageWriter({
      chain: [],
      scratch: () => scratchPath(this.#layout, "pack"),
      blocksOf: () => 0,
      keep: (file, id) => this.#keep(file, id, key),
    });
    try {
      const root = writer.root({ type: "directory", mode: 0o755, ...METADATA });
      for (const layer of new Set(layers)) {
        const bytes = copiedData(images, layer);
        if (bytes === undefined) continue;
        const sink = writer.sink();
        sink.write(bytes);
        const entry = { type: "file", mode: 0o444, ...METADATA, size: bytes.length } as const;
        writer.file(root, layer as string as ByteString, entry, sink.close());
      }
      return writer.publish().id;
    } finally {
      writer.abort();
    }
  }

  #list(): void {
    if (this.#files !== undefined) return;
    const found = listPacks(this.#layout);
    this.#ids = new Map(found.map(({ key, id }) => [key, id]));
    this.#files = new Map(found.map(({ id, file }) => [id, file]));
  }

  #keep(file: string, id: LayerId, key: string): WrittenLayer {
    const { packs } = this.#layout;
    const target = path.join(packs, `${key}.${id}`);
    try {
      const storedBytes = statSync(file).size;
      mkdirSync(packs, { recursive: true, mode: 0o700 });
      // Its bytes are durable; it may lose its name.
      this.#layout.proven.publish(id, file, target);
      this.#list();
      this.#ids?.set(key, id);
      this.#files?.set(id, target);
      return { id, storedBytes };
    } catch (error) {
      rmSync(file, { force: true });
      throw systemFailure("keep a pack of layers", error, packs);
    }
  }
}

const METADATA = { uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0, xattrs: [] };

/** Packs that stand, with what their names tell. */
export function listPacks({ packs }: Pick<StoreLayout, "packs">): { key: string; id: LayerId; file: string }[] {
  return namesIn(packs).flatMap((name) => {
    const [, key, id] = PACK_NAME.exec(name) ?? [];
    return key === undefined || id === undefined ? [] : [{ key, id: id as LayerId, file: path.join(packs, name) }];
  });
}

export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, "latin1");
  } catch {
    // Not made yet; what else may be wrong with the folder, making a pack tells.
    return [];
  }
}

/** The ids of the layers that a pack holds something of. */
export function* layersOfPack(image: LayerImage): Generator<LayerId> {
  for (const { name } of new ImageDirectory(image, image.rootNid, image.rootNid).entries()) yield name as string as LayerId;
}

/** @returns `undefined` for a layer without data, or with much, or a damaged one: what is wrong with it is found where it stands. */
function copiedData(images: LayerImages, layer: LayerId): Buffer | undefined {
  try {
    const image = images.get(layer);
    const { from, count } = dataOf(image);
    if (count === 0 || count > MOST_BLOCKS || !areContentsSound(image)) return undefined;
    return image.imageBytes(from * F.BLOCK_BYTES, count * F.BLOCK_BYTES);
  } catch (error) {
    if (error instanceof VarveError && error.code === "LAYER_CORRUPT") return undefined;
    throw error;
  }
}

/** The data region of a layer, which may hold blocks that no file of it uses. */
export function dataOf(image: LayerImage): { from: number; count: number } {
  const from = headerBlocks(image.devices.length);
  return { from, count: image.superblock.metadataBlock - from };
}
