// Writes fixtures/images/v1 anew: node build/test/lossless/make-golden-images.js [FOLDER]
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { LayerId } from "../../core/model/ids.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import { openLayerStore } from "../../store/layers/layer-store.js";
import { storeLayout } from "../../store/store-layout.js";
import { memoryTree } from "../helpers/memory-tree.js";
import { GOLDEN_CHAINS } from "./golden-trees.js";

export const GOLDEN_IMAGES: string = path.resolve("fixtures/images/v1");

/** Writes each chain's images to `<folder>/<chain>/<n>-<LayerId>.erofs`, n from 1 for the oldest. */
export async function makeGoldenImages(folder: string): Promise<void> {
  for (const [name, trees] of Object.entries(GOLDEN_CHAINS)) {
    rmSync(path.join(folder, name), { recursive: true, force: true });
    mkdirSync(path.join(folder, name), { recursive: true });
    const scratch = mkdtempSync(path.join(tmpdir(), "varve-golden-"));
    try {
      await makeChain(scratch, path.join(folder, name), trees);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }
}

async function makeChain(scratch: string, folder: string, trees: (typeof GOLDEN_CHAINS)[string]): Promise<void> {
  const layout = storeLayout(scratch);
  mkdirSync(layout.layers, { recursive: true });
  mkdirSync(layout.scratch);
  const store = openLayerStore(layout);
  const chain: LayerId[] = [];
  for (const entries of trees) {
    const base = store.openTree(chain);
    const writer = store.write(chain);
    await writeLayer(writer, base, memoryTree(entries));
    chain.unshift(writer.publish().id);
    base.close();
    copyFileSync(layout.layer(chain[0] as LayerId), path.join(folder, `${chain.length}-${chain[0]}.erofs`));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await makeGoldenImages(process.argv[2] ?? GOLDEN_IMAGES);
