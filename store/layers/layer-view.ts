import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { LayerImageFile, LayerStore } from "../../core/ports/layer-store.js";
import { syncDirectory } from "../durable-file.js";
import { ImageWriter } from "../erofs/image-writer.js";
import { LayerImages } from "../erofs/layer-images.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";

type ViewLayout = Pick<StoreLayout, "layers" | "layer" | "scratch" | "viewTrees">;

const VIEW_NAME = /^[0-9a-f]{64}$/;

/**
 * One image that shows all that a chain of layers adds up to. It holds metadata and contents shorter than a block; the layers
 * are its devices. A cache in `views/trees/<newest layer>/`: made on first use, found again later, and free to be deleted.
 *
 * @param chain Newest first, not empty.
 * @throws VarveError STORE_DAMAGED, DISK_FULL, PERMISSION.
 */
export async function viewOf(layout: ViewLayout, layers: LayerStore, chain: readonly LayerId[]): Promise<LayerImageFile> {
  const newest = chain[0];
  if (newest === undefined) throw new TypeError("viewOf() of no layers");
  const directory = path.join(layout.viewTrees, newest);
  const id = standingView(directory) ?? (await makeView(layout, layers, chain, directory));
  const images = new LayerImages(directory);
  try {
    const devices = images.get(id).devices.map((device) => layout.layer(device));
    return { id, path: path.join(directory, id), devices };
  } finally {
    images.close();
  }
}

function standingView(directory: string): LayerId | undefined {
  try {
    return readdirSync(directory).find((name) => VIEW_NAME.test(name)) as LayerId | undefined;
  } catch {
    // Not made yet; what else may be wrong with the folder, making the view tells.
    return undefined;
  }
}

async function makeView(layout: ViewLayout, layers: LayerStore, chain: readonly LayerId[], directory: string): Promise<LayerId> {
  const images = new LayerImages(layout.layers);
  const [empty, whole] = [layers.openTree([]), layers.openTree(chain)];
  const writer = new ImageWriter({
    chain,
    scratch: () => scratchPath(layout, "view"),
    blocksOf: (id) => images.get(id).superblock.blocks,
    keep: (file, id) => keepView(file, directory, id),
  });
  try {
    await writeLayer(writer, empty, whole);
    return writer.publish().id;
  } finally {
    writer.abort();
    for (const open of [whole, empty, images]) open.close();
  }
}

function keepView(file: string, directory: string, id: LayerId): { id: LayerId; storedBytes: number } {
  try {
    const storedBytes = statSync(file).size;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    renameSync(file, path.join(directory, id));
    syncDirectory(directory);
    return { id, storedBytes };
  } catch (error) {
    rmSync(file, { force: true });
    throw systemFailure("keep a view", error, directory);
  }
}
