import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "ava";
import fc from "fast-check";
import type { LayerId } from "../../../core/model/ids.js";
import type { Tree } from "../../../core/model/tree.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import { writeLayer, type LayerSummary } from "../../../core/layers/write-layer.js";
import type { LayerStore } from "../../../core/ports/layer-store.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { storeLayout } from "../../../store/store-layout.js";
import { describeTree, type DescribedEntry } from "../../contracts/described-tree.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";

const directory = mkdtempSync(path.join(tmpdir(), "varve-write-layer-"));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

function newStore(): LayerStore {
  const root = mkdtempSync(path.join(directory, "store-"));
  const layout = storeLayout(root);
  mkdirSync(layout.layers, { recursive: true });
  mkdirSync(layout.scratch);
  return openLayerStore(layout);
}

async function put(
  store: LayerStore,
  chain: readonly LayerId[],
  target: Tree,
): Promise<LayerSummary & { chain: readonly LayerId[] }> {
  const base = store.openTree(chain);
  const writer = store.write(chain);
  try {
    const summary = await writeLayer(writer, base, target);
    return { ...summary, chain: [writer.publish().id, ...chain] };
  } finally {
    base.close();
  }
}

function described(store: LayerStore, chain: readonly LayerId[]): unknown {
  const tree = store.openTree(chain);
  try {
    return describeTree(tree);
  } finally {
    tree.close();
  }
}

test("writeLayer() of a difference makes the chain add up to the target, whatever the two trees", async (t) => {
  const store = newStore();
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryTree, { minLength: 2, maxLength: 4 }), async (versions) => {
      let chain: readonly LayerId[] = [];
      for (const entries of versions) {
        const target = memoryTree(entries);
        const wanted = describeTree(target);
        const base = store.openTree(chain);
        const changes = await compareTrees(base, target);
        base.close();
        const summary = await put(store, chain, target);
        chain = summary.chain;
        t.deepEqual(described(store, chain), wanted);
        t.is(summary.tree, (await put(store, [], target)).tree, "a tree has one id, whatever its history");
        const renames = changes.filter(({ status }) => status === "R").length;
        t.is(summary.added + summary.modified + summary.deleted, changes.length + renames, "counted as listed");
      }
    }),
    { numRuns: Number(process.env["VARVE_PROPERTY_RUNS"] ?? 60) },
  );
});

test("writeLayer() of equal trees gives the same id and changes nothing", async (t) => {
  const store = newStore();
  await fc.assert(
    fc.asyncProperty(arbitraryTree, async (entries) => {
      const first = await put(store, [], memoryTree(entries));
      const { added, modified, deleted, tree } = await put(store, first.chain, memoryTree(entries));
      t.deepEqual({ added, modified, deleted, tree }, { added: 0, modified: 0, deleted: 0, tree: first.tree });
    }),
    { numRuns: 40 },
  );
});

const BIG: DescribedEntry = { path: "big", type: "file", content: "0123456789abcdef".repeat(65_536) };
const ROOT: DescribedEntry = { path: "", type: "directory" };

test("writeLayer() stores a chmod of a large file without its data", async (t) => {
  const store = newStore();
  const first = await put(store, [], memoryTree([ROOT, BIG]));
  const second = await put(store, first.chain, memoryTree([ROOT, { ...BIG, mode: 0o755 }]));
  t.true(store.storedBytes(second.chain[0] as LayerId) < 10_000);
  t.deepEqual(described(store, second.chain), describeTree(memoryTree([ROOT, { ...BIG, mode: 0o755 }])));
});
