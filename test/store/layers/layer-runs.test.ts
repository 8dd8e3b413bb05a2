import { createHash } from "node:crypto";
import { chmodSync, closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import type { LayerId } from "../../../core/model/ids.js";
import type { TreeNode } from "../../../core/model/tree.js";
import type { LayerImageFile, LayerStore } from "../../../core/ports/layer-store.js";
import { compareTrees } from "../../../core/trees/compare-trees.js";
import { composeChain, composeRun, DEEPEST_STACK, type ChainPart } from "../../../store/layers/chain-composition.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { storeLayout } from "../../../store/store-layout.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { flattenedChain } from "../../helpers/flattened-chain.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { testIf } from "../../helpers/requirements.js";
import { addDescribed, fsckErofs, layerFixture, mountImage, mountOverlay, witness } from "../erofs/layer-fixture.js";

const STEPS = 140;
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

const LENGTHS = [
  ...Array.from({ length: 140 }, (_, length) => length),
  511,
  512,
  513,
  514,
  577,
  1024,
  1025,
  4096,
  4097,
  5000,
  8192,
];

test("composeChain() covers a chain of any length with at most 12 parts, and composeRun() each part", (t) => {
  for (const length of LENGTHS) {
    const chain = chainOf(length);
    const parts = composeChain(chain);
    t.true(covers(parts, 0, length), String(length));
    t.true(parts.length <= DEEPEST_STACK, `${length}: ${parts.length}`);
    for (const part of parts.filter(({ start, end }) => end - start > 1)) {
      t.true(covers(composeRun(chain, part), part.start, part.end), `${length} ${part.start}`);
    }
  }
});

test("a longer chain has the runs of the shorter one, or runs that are made of them", (t) => {
  const long = chainOf(1025);
  const keys = (parts: readonly ChainPart[]): string[] => parts.map(({ key }) => key);
  for (const length of [700, 705, 769, 1025]) {
    const [parts, before] = [composeChain(long.slice(-length)), composeChain(long.slice(1 - length))];
    const made = parts.flatMap((part) => (part.end - part.start > 1 ? composeRun(long.slice(-length), part) : []));
    const found = new Set([...keys(parts), ...keys(made)]);
    t.deepEqual(
      keys(before).filter((key) => !found.has(key)),
      [],
      String(length),
    );
  }
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

/** What the kernel shows of images that stand on each other. */
function shown(t: ExecutionContext, images: readonly LayerImageFile[]): ReturnType<typeof witness> {
  const mounts = images.map((image) => mountImage(t, image));
  return witness(mounts.length > 1 ? mountOverlay(t, mounts) : (mounts[0] as string));
}

kernelTest("a long chain is its newest tree, composed or layer by layer, and its images mounted are, too", async (t) => {
  const { store, layers, scratch } = layerFixture(t);
  const layout = storeLayout(path.dirname(scratch));
  t.is(layout.layers, layers);
  let chain: LayerId[] = [];
  for (let step = 1; step <= STEPS; step += 1) {
    chain = await addDescribed(store, chain, treeAt(step));
    if (step % 8 === 3) await store.prepare(chain);
  }
  const same = async (): Promise<void> => {
    const tree = openLayerStore(layout).openTree(chain);
    t.deepEqual(await compareTrees(tree, memoryTree(treeAt(STEPS))), []);
    tree.close();
  };
  await same();
  const images = await store.images(chain);
  t.true(images.length <= DEEPEST_STACK);
  for (const image of images) t.is(fsckErofs(image), undefined);
  const single = layerFixture(t).store;
  const wanted = shown(t, await single.images(await addDescribed(single, [], treeAt(STEPS))));
  t.deepEqual(shown(t, images), wanted);
  t.true(wanted.digests.length > 20);
  await same();
  rmSync(layout.views, { recursive: true });
  await same();
  t.deepEqual(await store.images(chain), images, "the same bytes, though made at once and not in the course of time");
  await same();
});

const ROOT: DescribedEntry = { path: "", type: "directory" };

/** Each version has all files of the first but one, a large file that only the first brings, and one of its own. */
function version(number: number): DescribedEntry[] {
  const kept = Array.from({ length: 8 }, (_, index) => index).filter((index) => index !== number);
  return [
    ROOT,
    { path: "etc", type: "directory", mode: 0o711, xattrs: { "user.version": String(number) } },
    ...kept.map((index): DescribedEntry => ({ path: `etc/f${index}`, type: "file", content: `file ${index}`, mode: 0o4755 })),
    { path: "large", type: "file", content: "0123456789abcdef".repeat(4096), mode: 0o600 + number },
    { path: "twin", type: "file", linkTo: "large" },
    { path: `v${number}`, type: "symlink", target: "etc" },
  ];
}

testIf(
  "erofs",
  "overlay",
  "fsck.erofs",
  "getfattr",
)("an image of several layers mounts as the overlay of them does", async (t) => {
  const { store } = layerFixture(t);
  let chain: LayerId[] = [];
  for (const number of [8, 0, 1, 2, 9]) chain = await addDescribed(store, chain, version(number));
  const image = await flattenedChain(store, chain);
  t.deepEqual(
    image.devices.map((device) => path.basename(device)),
    [chain.at(-1) as string],
    "only the layer with the large file lends",
  );
  const stack = chain.map((layer) => store.image(layer));
  t.deepEqual(shown(t, [image]), shown(t, stack));
  t.is(fsckErofs(image), undefined);
});

/** Each layer brings a file of its own. */
async function growingChain(store: LayerStore, length: number, sizeOf = (_step: number): number => 5000): Promise<LayerId[]> {
  const entries: DescribedEntry[] = [ROOT];
  let chain: LayerId[] = [];
  for (let step = 1; step <= length; step += 1) {
    const size = sizeOf(step);
    entries.push({ path: `f${step}`, type: "file", content: `${step} `.repeat(size).slice(0, size) });
    chain = await addDescribed(store, chain, entries);
  }
  return chain;
}

function isSound(node: TreeNode): boolean {
  if (!("content" in node)) return true;
  const bytes = Buffer.alloc(node.content.size);
  node.content.open().read(bytes, 0);
  return createHash("sha256").update(bytes).digest("hex") === node.content.digest();
}

test("images() of many small layers point at packs, and what they show reads the same", async (t) => {
  const { store, scratch } = layerFixture(t);
  const layout = storeLayout(path.dirname(scratch));
  const chain = await growingChain(store, 130);
  const images = await store.images(chain);
  t.deepEqual(
    images.map(({ devices }) => devices.map((device) => path.dirname(device))),
    [[], [layout.packs, layout.packs], []],
  );
  const tree = store.openTree(chain);
  t.true([...tree.root.children()].every(([, node]) => isSound(node)));
  tree.close();
  rmSync(layout.packs, { recursive: true });
  t.deepEqual(await openLayerStore(layout).images(chain), images, "packs alone were deleted");
  chmodSync(images[1]?.path as string, 0o600);
  writeFileSync(images[1]?.path as string, "torn");
  t.deepEqual(await openLayerStore(layout).images(chain), images, "a torn image is made again");
});

test("a layer whose contents are damaged comes into no pack, nor does a large one", async (t) => {
  const { store, layers } = layerFixture(t);
  const chain = await growingChain(store, 66, (step) => (step === 10 ? 100_000 : 5000));
  const [large, damaged] = [chain.at(-10), chain.at(-20)] as [LayerId, LayerId];
  const file = path.join(layers, damaged);
  chmodSync(file, 0o600);
  const fd = openSync(file, "r+");
  writeSync(fd, "damage", 2 * 4096);
  closeSync(fd);
  const images = await store.images(chain);
  const devices = new Set(images.flatMap((image) => image.devices.map((device) => path.basename(device))));
  t.is(devices.size, 3);
  t.true(devices.has(large) && devices.has(damaged));
  const tree = store.openTree(chain);
  const broken = [...tree.root.children()].filter(([, node]) => !isSound(node)).map(([name]) => name as string);
  tree.close();
  t.deepEqual(broken, ["f20"]);
});
