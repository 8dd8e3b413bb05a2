import { EMPTY_ROOT, type DirectoryEntry } from "../../core/model/entry.js";
import type { LayerId } from "../../core/model/ids.js";
import type { LayerImageFile, LayerStore } from "../../core/ports/layer-store.js";

/** Layers beside the oldest of a chain that is mounted by two images: more than are mounted one by one. */
const LAYERS = 16;

/**
 * One image of all that a chain adds up to, as the store makes it for the mounts of long chains. Below the chain comes an empty layer, above it come such
 * as change nothing: the store mounts the longer chain by its oldest layer and one image that shows all others.
 */
export async function flattenedChain(store: LayerStore, chain: readonly LayerId[]): Promise<LayerImageFile> {
  const tree = store.openTree(chain);
  const { entry } = tree.root;
  tree.close();
  const longer: LayerId[] = [...chain, publishRoot(store, [], EMPTY_ROOT)];
  while (longer.length <= LAYERS) {
    const isLast = longer.length === LAYERS;
    longer.unshift(publishRoot(store, longer, isLast ? entry : { ...entry, mtimeSeconds: longer.length }));
  }
  const images = await store.images(longer);
  const [image, base] = images;
  if (images.length !== 2 || base?.id !== longer.at(-1)) throw new RangeError("a chain that is mounted by other images");
  return image as LayerImageFile;
}

function publishRoot(store: LayerStore, chain: readonly LayerId[], entry: DirectoryEntry): LayerId {
  const writer = store.write(chain);
  try {
    writer.root(entry);
    return writer.publish().id;
  } finally {
    writer.abort();
  }
}
