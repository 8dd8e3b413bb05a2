import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { LayerId } from "../../../core/model/ids.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import { composeChain, composeRun, DEEPEST_STACK, type ChainPart } from "../../../store/layers/chain-composition.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { storeLayout } from "../../../store/store-layout.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { addDescribed, fsckErofs, layerFixture, mountImage, mountOverlay, witness } from "../erofs/layer-fixture.js";

const kernelTest = testIf("erofs", "overlay", "fsck.erofs", "getfattr");

function chainOf(length: number): LayerId[] {
  return Array.from({ length }, (_, n) => String(length - n).padStart(64, "0") as LayerId);
}

/** Whether parts cover exactly these positions, newest first. */
function covers(parts: readonly ChainPart[], start: number, end: number): boolean {
  let at = end;
  for (const part of parts) {
    if (part.end !== at || part.start >= part.end) return false;
    at = part.start;
  }
  return at === start;
}

test("composeChain() covers a chain of any length with few parts, and so does composeRun() each part", (t) => {
  for (const length of [0, 1, 2, 31, 32, 33, 34, 40, 41, 64, 65, 66, 72, 73, 512, 513, 514, 577, 4097, 5000, 9000]) {
    const chain = chainOf(length);
    const parts = composeChain(chain);
    t.true(covers(parts, 0, length), String(length));
    t.true(parts.length <= DEEPEST_STACK + 8, `${length}: ${parts.length}`);
    for (const part of parts.filter(({ start, end }) => end - start > 1)) {
      t.true(covers(composeRun(chain, part), part.start, part.end), `${length} ${part.start}`);
    }
  }
});

test("a longer chain has the older parts of the shorter one", (t) => {
  const long = chainOf(700);
  const keys = new Set(composeChain(long).map(({ key }) => key));
  t.is(composeChain(long.slice(1)).filter(({ key }) => !keys.has(key)).length, 0);
});

test("the same layers over other ones make another run", (t) => {
  const [one, other] = [chainOf(40), [...chainOf(40).slice(0, 39), "f".repeat(64) as LayerId]];
  const runs = (chain: readonly LayerId[]): string[] =>
    composeChain(chain)
      .filter(({ start, end }) => end - start > 1)
      .map(({ key }) => key);
  t.is(runs(one).filter((key) => runs(other).includes(key)).length, 0);
});

test("a chain that has a layer twice is one part", (t) => {
  const chain = chainOf(6);
  t.is(composeChain([chain[2] as LayerId, ...chain]).length, 1);
});

/** Files come, change, move, vanish and become directories, so that each layer hides something of older ones. */
function treeAt(step: number): DescribedEntry[] {
  const entries: DescribedEntry[] = [
    { path: "", type: "directory", mtimeSeconds: step },
    { path: "many", type: "directory" },
  ];
  for (let file = 0; file < 30; file += 1) {
    if ((file + step) % 7 === 0) continue;
    const name = `many/${(file + step) % 5 === 0 ? `moved ${file}` : file}`;
    const size = file % 3 === 0 ? 5000 : 10 * file;
    if ((file + step) % 11 === 0) {
      entries.push({ path: name, type: "directory" }, { path: `${name}/inner`, type: "file", content: `${step}` });
    } else {
      const content = `${file} ${file % 4 === 0 ? step : ""}`.repeat(size);
      entries.push({ path: name, type: "file", content, mode: 0o600 + (Math.floor((file + step) / 3) % 8) });
    }
  }
  if (step % 9 > 4) {
    entries.push({ path: "link a", type: "file", content: "linked" }, { path: "link b", type: "file", linkTo: "link a" });
  }
  if (step % 6 === 0) entries.push({ path: "device", type: "fifo" });
  return entries;
}

kernelTest("a long chain is its newest tree, composed or layer by layer, and its images mounted are, too", async (t) => {
  const { store, layers, scratch } = layerFixture(t);
  const layout = storeLayout(path.dirname(scratch));
  t.is(layout.layers, layers);
  let chain: LayerId[] = [];
  for (let step = 1; step <= 90; step += 1) {
    chain = await addDescribed(store, chain, treeAt(step));
    if (step % 8 === 3) await store.prepare(chain);
  }
  const same = async (): Promise<void> => {
    const tree = openLayerStore(layout).openTree(chain);
    t.deepEqual(await compareTrees(tree, memoryTree(treeAt(90))), []);
    tree.close();
  };
  await same();
  const images = await store.images(chain);
  t.true(images.length < 16);
  for (const image of images) t.is(fsckErofs(image), undefined);
  const mounted = witness(
    mountOverlay(
      t,
      images.map((image) => mountImage(t, image)),
    ),
  );
  await same();
  const names = readdirSync(layout.runs, { recursive: true }).sort();
  rmSync(layout.views, { recursive: true });
  await same();
  t.deepEqual(await store.images(chain), images);
  t.true(names.length >= readdirSync(layout.runs, { recursive: true }).length);
  await same();
  const view = witness(mountImage(t, await store.view(chain)));
  t.deepEqual(mounted, view);
  t.true(view.digests.length > 20);
});
