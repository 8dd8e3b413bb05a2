import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { LayerImageFile, LayerStore } from "../../core/ports/layer-store.js";
import { syncDirectory } from "../durable-file.js";
import { ImageWriter } from "../erofs/image-writer.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import type { ProvenImages } from "../proofs/proven-images.js";

interface ViewLayout extends Pick<StoreLayout, "layers" | "layer" | "scratch" | "viewTrees"> {
  readonly proven: ProvenImages;
}

const VIEW_NAME = /^[0-9a-f]{64}$/;

/**
 * One image that shows all that a chain of layers adds up to. It holds metadata and contents shorter than a block; the layers
 * are its devices. A cache in `views/trees/<newest layer>/`: made on first use, found again later, and free to be deleted.
 *
 * @param chain Newest first, not empty.
 * @throws VarveError LAYER_CORRUPT, DISK_FULL, PERMISSION.
 */
export async function viewOf(layout: ViewLayout, layers: LayerStore, chain: readonly LayerId[]): Promise<LayerImageFile> {
  const newest = chain[0];
  if (newest === undefined) throw new TypeError("viewOf() of no layers");
  const directory = path.join(layout.viewTrees, newest);
  const id = standingView(layout, directory) ?? (await makeView(layout, layers, chain, directory));
  const file = path.join(directory, id);
  const images = layout.proven.open({ elsewhere: new Map([[id, file]]) });
  try {
    const { devices } = layout.proven.proveForMount(images, id);
    return { id, path: file, devices: devices.map((device) => layout.layer(device)) };
  } finally {
    images.close();
  }
}

function standingView({ proven }: ViewLayout, directory: string): LayerId | undefined {
  try {
    const id = readdirSync(directory).find((name) => VIEW_NAME.test(name)) as LayerId | undefined;
    return id !== undefined && proven.isSound(id, path.join(directory, id)) ? id : undefined;
  } catch {
    // Not made yet; what else may be wrong with the folder, making the view tells.
    return undefined;
  }
}

async function makeView(layout: ViewLayout, layers: LayerStore, chain: readonly LayerId[], directory: string): Promise<LayerId> {
  const images = layout.proven.open();
  const [empty, whole] = [layers.openTree([]), layers.openTree(chain)];
  const writer = new ImageWriter({
    chain,
    scratch: () => scratchPath(layout, "view"),
    blocksOf: (id) => images.get(id).superblock.blocks,
    keep: (file, id) => keepView(layout, file, directory, id),
  });
  try {
    await writeLayer(writer, empty, whole);
    return writer.publish().id;
  } finally {
    writer.abort();
    for (const open of [whole, empty, images]) open.close();
  }
}

function keepView({ proven }: ViewLayout, file: string, directory: string, id: LayerId): { id: LayerId; storedBytes: number } {
  try {
    const storedBytes = statSync(file).size;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // What was found damaged.
    for (const name of readdirSync(directory)) if (name !== id) rmSync(path.join(directory, name), { recursive: true });
    proven.publish(id, file, path.join(directory, id));
    syncDirectory(directory);
    return { id, storedBytes };
  } catch (error) {
    rmSync(file, { force: true });
    throw systemFailure("keep a view", error, directory);
  }
}
