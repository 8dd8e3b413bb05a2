import { appendFileSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { writeLayer } from "../../../core/layers/write-layer.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import type { LayerId } from "../../../core/model/ids.js";
import { selectPlaces } from "../../../core/paths/path-selection.js";
import type { LayerName, LayerStore } from "../../../core/ports/layer-store.js";
import { LayerImages } from "../../../store/erofs/layer-images.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { encodeNames, findName, namesOf, namesOfImage } from "../../../store/layers/name-record.js";
import { NameTable } from "../../../store/layers/name-table.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { arbitraryTree } from "../../helpers/arbitrary-tree.js";
import { filledStore } from "../../helpers/filled-store.js";
import { memoryTree } from "../../helpers/memory-tree.js";
import { temporaryStore } from "../../helpers/temporary-store.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";

async function write(store: LayerStore, chain: readonly LayerId[], entries: readonly DescribedEntry[]): Promise<LayerId> {
  const writer = store.write(chain);
  const base = store.openTree(chain);
  await writeLayer(writer, base, memoryTree(entries));
  base.close();
  return writer.publish().id;
}

function told(names: Iterable<LayerName> | undefined): readonly string[] {
  return [...(names ?? [])].map(({ path: name, kind }) => `${kind} ${name}`);
}

const ROOT = { path: "", type: "directory" } as const;
const FIRST: readonly DescribedEntry[] = [
  ROOT,
  { path: "d", type: "directory" },
  { path: "d/a", type: "file", content: "1" },
  { path: "d/b", type: "file", content: "2" },
  { path: "e", type: "file", content: "3" },
];
const SECOND: readonly DescribedEntry[] = [ROOT, FIRST[1]!, { path: "d/a", type: "file", content: "one" }, FIRST[4]!];

async function twoLayers(t: ExecutionContext): Promise<{ layout: StoreLayout; first: LayerId; second: LayerId }> {
  const layout = temporaryStore(t);
  const store = openLayerStore(layout);
  const first = await write(store, [], FIRST);
  return { layout, first, second: await write(store, [first], SECOND) };
}

test("names() are what a layer holds, deletions and leading directories among them", async (t) => {
  const { layout, first, second } = await twoLayers(t);
  const store = openLayerStore(layout);
  t.deepEqual(told(store.names!(first)), ["directory d", "other d/a", "other d/b", "other e"]);
  t.deepEqual(told(store.names!(second)), ["directory d", "other d/a", "deleted d/b"]);
});

test("what was learnt of a layer is kept, and believed without the layer", async (t) => {
  const { layout, second } = await twoLayers(t);
  const store = openLayerStore(layout);
  const names = told(store.names!(second));
  store.keepNames!();
  rmSync(layout.layer(second));
  const again = openLayerStore(layout);
  t.deepEqual(told(again.names!(second)), names);
  t.is(again.changes!(second, selectPlaces(["d/b" as ByteString])), true);
  t.is(again.changes!(second, selectPlaces(["e" as ByteString])), false);
  t.is(again.changes!(second, selectPlaces(["d/b/below" as ByteString])), undefined);
});

for (const [what, damage] of [
  ["is torn", (file: string) => truncateSync(file, statSync(file).size - 3)],
  ["has a flipped bit", (file: string) => flip(file, 60)],
  ["ends in bytes that are no row", (file: string) => appendFileSync(file, Buffer.alloc(100, 7))],
  ["is empty", (file: string) => truncateSync(file, 0)],
  ["is a symlink", (file: string) => (rmSync(file), symlinkSync("/etc/passwd", file))],
] as const) {
  test(`a table that ${what} costs a look at the layers, and is mended`, async (t) => {
    const { layout, first, second } = await twoLayers(t);
    const store = openLayerStore(layout);
    const wanted = [told(store.names!(first)), told(store.names!(second))];
    store.keepNames!();
    damage(layout.names);
    for (let round = 0; round < 2; round += 1) {
      const again = openLayerStore(layout);
      t.deepEqual([told(again.names!(first)), told(again.names!(second))], wanted);
      again.keepNames!();
    }
    const { rows, isTorn } = new NameTable(layout).reading();
    t.deepEqual([rows.size, isTorn], [2, false]);
  });
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}

test("a row that lies within the rules is no crash", async (t) => {
  const { layout, first } = await twoLayers(t);
  const table = new NameTable(layout);
  table.put(first, Buffer.from([0, 1, 0x61, 255, 255, 255, 255]));
  table.keep();
  const store = openLayerStore(layout);
  t.deepEqual(told(store.names!(first)), ["directory d", "other d/a", "other d/b", "other e"]);
  t.is(store.changes!(first, selectPlaces(["a/x" as ByteString])), false);
});

test("records tell what the images tell, of any two trees", async (t) => {
  const layout = temporaryStore(t);
  const store = openLayerStore(layout);
  const property = fc.asyncProperty(arbitraryTree, arbitraryTree, async (before, after) => {
    const below = await write(store, [], before);
    const layer = await write(store, [below], after);
    const images = new LayerImages(layout.layers);
    try {
      const record = encodeNames(images.get(layer))!;
      const names = told(namesOf(record));
      if (names.join("\0") !== told(namesOfImage(images.get(layer))).join("\0")) return false;
      return [...namesOf(record)].every(({ path: name, kind }) => findName(record, name) === kind);
    } finally {
      images.close();
    }
  });
  await t.notThrowsAsync(() => fc.assert(property, { numRuns: 60, seed: 20261127 }));
});

test("bytes that are no record are refused, or read to their end", (t) => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((values) => Buffer.from(values.map((value) => value % 9)));
  const property = fc.property(bytes, (record) => {
    for (const read of [(): unknown => [...namesOf(record)], (): unknown => findName(record, "\x01/\x02" as ByteString)]) {
      try {
        read();
      } catch (error) {
        if (!(error instanceof RangeError)) return false;
      }
    }
    return true;
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2000, seed: 20261127 }));
});

test("of a layer with very many names the table says only that it is to be looked into", async (t) => {
  const layout = temporaryStore(t);
  const store = openLayerStore(layout);
  const files = Array.from({ length: 4000 }, (_, number) => ({
    path: `file with a name ${10_000 + number}`,
    type: "file" as const,
  }));
  const layer = await write(store, [], [ROOT, ...files]);
  t.is(told(store.names!(layer)).length, 4000);
  store.keepNames!();
  const again = openLayerStore(layout);
  t.is(told(again.names!(layer)).length, 4000);
  t.is(again.changes!(layer, selectPlaces(["file with a name 12000" as ByteString])), true);
  t.true(statSync(layout.names).size < 100);
});

test("fsck finds a table that lies or is torn, and --repair removes it", async (t) => {
  const store = await filledStore(t);
  const layers = store.repository.layers;
  for (const layer of layers.list()) layers.names!(layer);
  layers.keepNames!();
  t.deepEqual((await store.fsck()).findings, []);
  const table = new NameTable(store.layout);
  table.put(store.lender, Buffer.from([1, 1, 0x61]));
  table.keep();
  const found = (await store.fsck()).findings.map(({ part, name, state }) => `${part} ${name} ${state}`);
  t.deepEqual(found, [`cache views/names has other names for layer "${store.lender}" than that layer`]);
  appendFileSync(store.layout.names, "torn");
  await store.fsck({ repair: true });
  t.false(existsSync(store.layout.names));
  t.deepEqual((await store.fsck()).findings, []);
});

test("gc forgets the names of the layers that it removes", async (t) => {
  const store = await filledStore(t);
  const { repository, layout } = store;
  const lost = await write(repository.layers, [], [ROOT, { path: "lost", type: "file", content: "lost" }]);
  for (const layer of repository.layers.list()) repository.layers.names!(layer);
  repository.layers.keepNames!();
  t.true(new NameTable(layout).reading().rows.has(lost));
  await store.gc();
  t.false(existsSync(path.join(layout.layers, lost)));
  const { rows, isTorn } = new NameTable(layout).reading();
  t.deepEqual([rows.has(lost), rows.size, isTorn], [false, repository.layers.list().length, false]);
});
