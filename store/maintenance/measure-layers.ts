import type { LayerId } from "../../core/model/ids.js";
import type { DirectoryNode, Tree } from "../../core/model/tree.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import type { LayerContents, UsageMeter } from "../../core/ports/usage-meter.js";
import { ChainTree } from "../erofs/chain-tree.js";
import { ImageFileContent } from "../erofs/image-content.js";
import { ProvenImages, type ProofLayout } from "../proofs/proven-images.js";
import { listUnpacked } from "../layers/unpacked-layers.js";
import type { StoreLayout } from "../store-layout.js";
import { BlockMarks } from "./block-marks.js";
import { bytesBelow } from "./derived-images.js";

/** Measures the layers of a store on the disk. */
export function openUsageMeter(layout: ProofLayout & Pick<StoreLayout, "unpacked">): UsageMeter {
  const proven = new ProvenImages(layout);
  const known = new Map<LayerId, LayerContents>();
  const lent = new BlockMarks();
  const shown = new BlockMarks();
  const open = (chain: readonly LayerId[]): Tree => new ChainTree(proven.open(), chain);
  return {
    readLayer: async (id) => {
      const contents = known.get(id) ?? (await readLayer(open([id]), id, lent));
      known.set(id, contents);
      return contents;
    },
    readTree: async (chain) => {
      const marks = new BlockMarks();
      await eachContent(open(chain), (content) => {
        marks.mark(content);
        shown.mark(content);
      });
      return marks.all();
    },
    shownBytes: (id) => shown.bytes(id),
    lentBytes: (id) => lent.bytes(id),
    unpacked: () => {
      const found = listUnpacked(layout).map(({ path }) => bytesBelow(path));
      return { directories: found.length, bytes: found.reduce((sum, bytes) => sum + bytes, 0) };
    },
  };
}

async function readLayer(tree: Tree, id: LayerId, lent: BlockMarks): Promise<LayerContents> {
  const used = new BlockMarks();
  await eachContent(tree, (content) => {
    used.mark(content);
    lent.mark(content, (layer) => layer !== id);
  });
  const lenders = [...used.all()].filter(([layer]) => layer !== id);
  return {
    ownBytes: used.bytes(id),
    borrowedBytes: lenders.reduce((sum, [, bytes]) => sum + bytes, 0),
    lenders: lenders.map(([layer]) => layer),
  };
}

/** Calls `visit` with each file's content, with that of a hardlinked one for each name. Closes the tree. */
export async function eachContent(tree: Tree, visit: (content: ImageFileContent) => void): Promise<void> {
  try {
    const open: DirectoryNode[] = [tree.root];
    for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
      for (const [, node] of directory.children()) {
        if ("child" in node) open.push(node);
        else if ("content" in node && node.content instanceof ImageFileContent) visit(node.content);
        if (isTurnDue()) await yieldToSignals();
      }
    }
  } finally {
    tree.close();
  }
}
