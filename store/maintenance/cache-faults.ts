import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { LayerId } from "../../core/model/ids.js";
import type { CacheFault } from "../../core/ports/store-checks.js";
import { loadFingerprints } from "../change-fingerprint.js";
import { LayerImages } from "../erofs/layer-images.js";
import { layerIdOf } from "../erofs/layer-id.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { readStatIndex } from "../worktree/stat-index-file.js";
import { stateOf } from "../erofs/verify-image.js";

const LAYER_NAME = /^[0-9a-f]{64}$/;

/** Caches that are not what they should be; commits apart. */
export async function findCacheFaults(layout: StoreLayout): Promise<readonly CacheFault[]> {
  const faults: CacheFault[] = [];
  for (const newest of namesIn(layout.viewTrees)) {
    const state = viewFault(layout, newest);
    if (state !== undefined) faults.push({ path: path.relative(layout.root, path.join(layout.viewTrees, newest)), state });
  }
  for (const key of namesIn(layout.runs)) {
    const state = LAYER_NAME.test(key) ? imageFault(layout, path.join(layout.runs, key)) : "has a name that no view has";
    if (state !== undefined) faults.push({ path: path.relative(layout.root, path.join(layout.runs, key)), state });
  }
  const index = path.join(layout.worktree, "index");
  if (existsSync(index) && readStatIndex(index, await loadFingerprints()) === undefined) {
    faults.push({ path: path.relative(layout.root, index), state: "is damaged, or of another version" });
  }
  return faults;
}

function viewFault(layout: StoreLayout, newest: string): string | undefined {
  if (!LAYER_NAME.test(newest)) return "has a name that no layer has";
  if (!existsSync(layout.layer(newest as LayerId))) return "shows a layer that is gone";
  return imageFault(layout, path.join(layout.viewTrees, newest));
}

/** @param directory Holds images that show layers. */
export function imageFault(layout: StoreLayout, directory: string): string | undefined {
  const images = new LayerImages(directory);
  try {
    for (const name of namesIn(directory)) {
      const image = images.get(name as LayerId);
      if (layerIdOf(image) !== name) return "has other bytes than its id says";
      const missing = image.devices.find((id) => !existsSync(layout.layer(id)));
      if (missing !== undefined) return `shows layer "${missing}", which is gone`;
    }
    return undefined;
  } catch (error) {
    return stateOf(error);
  } finally {
    images.close();
  }
}

/** Text of what stands where nothing of varve's stands, as paths below the store. */
export function findLeftovers(layout: StoreLayout): readonly string[] {
  const strays = (folder: string, ours: (name: string) => boolean): string[] =>
    namesIn(folder)
      .filter((name) => !ours(name))
      .map((name) => path.relative(layout.root, path.join(folder, name)));
  return [
    ...strays(layout.layers, (name) => LAYER_NAME.test(name)),
    ...strays(path.dirname(layout.layers), (name) => name === path.basename(layout.layers)),
    ...strays(layout.scratch, (name) => /^[a-z-]+-\d+-\d+$/.test(name)),
    ...strays(layout.containers, (name) => /^[0-9a-f]{12}$/.test(name) || !name.startsWith("new-")),
  ];
}

export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, "latin1").sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw systemFailure(`list "${directory}"`, error, directory);
  }
}
