import {
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import test from "ava";
import { VarveError } from "../../../core/errors.js";
import type { LayerId } from "../../../core/model/ids.js";
import { openLayerStore } from "../../../store/layers/layer-store.js";
import { ProofTable } from "../../../store/proofs/proof-table.js";
import { storeLayout, type StoreLayout } from "../../../store/store-layout.js";
import type { DescribedEntry } from "../../contracts/described-tree.js";
import { patch, truncate } from "../../helpers/filled-store.js";
import { testIf } from "../../helpers/requirements.js";
import { fixChecksum, reseal } from "../../fuzz/image-fields.js";
import { addDescribed, layerFixture, type LayerFixture } from "../erofs/layer-fixture.js";

const BLOCK_BYTES = 4096;
const BIG = "big content ".repeat(2000);

interface Lent extends LayerFixture {
  readonly layout: StoreLayout;
  /** Newest first: the borrower, then the lender of "big". */
  readonly chain: readonly LayerId[];
  readonly borrower: LayerId;
  readonly lender: LayerId;
  levelOf(id: LayerId): number;
}

async function lent(t: Parameters<typeof layerFixture>[0]): Promise<Lent> {
  const fixture = layerFixture(t);
  const layout = storeLayout(path.dirname(fixture.scratch));
  const file: DescribedEntry = { path: "big", type: "file", content: BIG };
  const first = await addDescribed(fixture.store, [], [{ path: "", type: "directory" }, file]);
  const chain = await addDescribed(fixture.store, first, [
    { path: "", type: "directory" },
    { ...file, mode: 0o600 },
  ]);
  const [borrower, lender] = chain as [LayerId, LayerId];
  const levelOf = (id: LayerId): number => new ProofTable(layout).level(id, statSync(layout.layer(id), { bigint: true }));
  return { ...fixture, layout, chain, borrower, lender, levelOf };
}

/** As the next command does. */
function reopened({ layout }: Lent): ReturnType<typeof openLayerStore> {
  return openLayerStore(layout);
}

interface Damage {
  readonly what: string;
  damage(file: string): void;
}

/** Block 1 is the first of the data, the last block the end of the metadata. */
const DAMAGES: readonly Damage[] = [
  { what: "the superblock", damage: (file) => patch(file, 1024 + 40) },
  { what: "block 0 behind the device table", damage: (file) => patch(file, 4000) },
  { what: "the metadata", damage: (file) => patch(file, statSync(file).size - BLOCK_BYTES + 128 + 40) },
  { what: "the zeros behind the metadata", damage: (file) => patch(file, statSync(file).size - 1) },
];

for (const { what, damage } of DAMAGES) {
  test(`a changed byte of ${what} is found by the command after the one that wrote the layer, and by the same one`, async (t) => {
    const store = await lent(t);
    damage(store.layout.layer(store.lender));
    for (const each of [store.store, reopened(store)]) {
      const error = t.throws(() => each.openTree(store.chain), { instanceOf: VarveError, code: "LAYER_CORRUPT" });
      t.is(error.path, store.layout.layer(store.lender));
      t.deepEqual(error.layers, [store.lender]);
      await t.throwsAsync(each.images(store.chain), { code: "LAYER_CORRUPT" });
    }
  });
}

test("a change that leaves size and mtime as they were is found", async (t) => {
  const store = await lent(t);
  const file = store.layout.layer(store.lender);
  const { mtime, atime } = statSync(file);
  patch(file, statSync(file).size - 1);
  utimesSync(file, atime, mtime);
  t.throws(() => reopened(store).openTree(store.chain), { code: "LAYER_CORRUPT" });
});

test("a layer is known to be sound when it was written, and found to be so again without the table", async (t) => {
  const store = await lent(t);
  t.deepEqual([store.levelOf(store.lender), store.levelOf(store.borrower)], [2, 2]);
  rmSync(store.layout.proofs);
  reopened(store).openTree(store.chain).close();
  t.deepEqual([store.levelOf(store.lender), store.levelOf(store.borrower)], [1, 1]);
  await reopened(store).images(store.chain);
  t.deepEqual([store.levelOf(store.lender), store.levelOf(store.borrower)], [2, 2]);
  t.is(statSync(store.layout.proofs).mode & 0o777, 0o600);
});

test("a file that was written a moment ago is not remembered: it may be written to again and look the same", async (t) => {
  const store = await lent(t);
  const file = store.layout.layer(store.lender);
  copyFileSync(file, `${store.scratch}/copy`);
  renameSync(`${store.scratch}/copy`, file);
  reopened(store).openTree(store.chain).close();
  t.is(store.levelOf(store.lender), 0);
});

/** A table that calls the damaged lender sound. */
function lie({ layout, lender }: Lent): void {
  patch(layout.layer(lender), statSync(layout.layer(lender)).size - 1);
  const table = new ProofTable(layout);
  table.add(lender, statSync(layout.layer(lender), { bigint: true }), 2);
  table.keep();
}

test("what is remembered is not found out again", async (t) => {
  const store = await lent(t);
  lie(store);
  t.notThrows(() => reopened(store).openTree(store.chain).close());
});

const DISTRUSTED: readonly (readonly [what: string, spoil: (file: string) => void])[] = [
  ["that others may write to", (file) => chmodSync(file, 0o666)],
  ["with a wrong checksum", (file) => patch(file, statSync(file).size - 20)],
  ["that was torn", (file) => truncate(file, statSync(file).size - 1)],
];

for (const [what, spoil] of DISTRUSTED) {
  test(`a table ${what} is not believed`, async (t) => {
    const store = await lent(t);
    lie(store);
    spoil(store.layout.proofs);
    t.throws(() => reopened(store).openTree(store.chain), { code: "LAYER_CORRUPT" });
  });
}

testIf("root")("a table of another user is not believed, and not written to", async (t) => {
  const store = await lent(t);
  lie(store);
  const { chownSync } = await import("node:fs");
  chownSync(store.layout.proofs, 1234, 1234);
  const bytes = readFileSync(store.layout.proofs);
  t.throws(() => reopened(store).openTree(store.chain), { code: "LAYER_CORRUPT" });
  reopened(store).openTree([store.borrower]).close();
  t.deepEqual(readFileSync(store.layout.proofs), bytes);
});

test("a torn table is written anew, with what it held", async (t) => {
  const store = await lent(t);
  const { proofs } = store.layout;
  truncate(proofs, statSync(proofs).size - 1);
  reopened(store).openTree(store.chain).close();
  t.is(statSync(proofs).size % 72, 0);
  t.deepEqual([store.levelOf(store.lender), store.levelOf(store.borrower)].sort(), [1, 2]);
});

const LENDER_DAMAGES: readonly (readonly [what: string, damage: (store: Lent) => void, state: RegExp])[] = [
  ["is missing", ({ layout, lender }) => rmSync(layout.layer(lender)), /: it is missing$/],
  ["is cut off", ({ layout, lender }) => truncate(layout.layer(lender), BLOCK_BYTES * 3), /: it has 12288 bytes, expected \d+$/],
  [
    "is another layer's file",
    ({ layout, lender, borrower }) => {
      rmSync(layout.layer(lender));
      copyFileSync(layout.layer(borrower), layout.layer(lender));
    },
    /: its superblock has the uuid of another layer$/,
  ],
  [
    "has another superblock",
    ({ layout, lender }) => patch(layout.layer(lender), 1024),
    /: its superblock has another magic number$/,
  ],
];

for (const [what, damage, state] of LENDER_DAMAGES) {
  test(`a lender that ${what} is told with the layer that needs it, when a file is read and before a mount`, async (t) => {
    const store = await lent(t);
    damage(store);
    const layers = reopened(store);
    // The borrower alone, as in a chain whose lender is not a part of it.
    const tree = layers.openTree([store.borrower]);
    const node = tree.root.child("big" as never);
    const read = t.throws(() => "content" in node! && node.content.open(), { instanceOf: VarveError, code: "LAYER_CORRUPT" });
    tree.close();
    const mounted = await t.throwsAsync(layers.images([store.borrower]), { instanceOf: VarveError, code: "LAYER_CORRUPT" });
    for (const error of [read, mounted]) {
      t.regex(error.message, state);
      t.true(error.message.includes(store.borrower));
      t.is(error.path, store.layout.layer(store.lender));
      t.true(error.layers.includes(store.lender) && error.layers.includes(store.borrower));
    }
  });
}

test("an image with the digest that its name says, but which contradicts itself, is not given to the kernel", async (t) => {
  const store = await lent(t);
  const bytes = readFileSync(store.layout.layer(store.lender));
  const metadata = bytes.readUInt32LE(1024 + 40) * BLOCK_BYTES;
  // The root's first child, whatever it is, lies in the header.
  const root = metadata + 4 * 32;
  bytes.writeUInt32LE(1, root + 64 + 2 * 12);
  const id = reseal(bytes) as LayerId;
  fixChecksum(bytes);
  writeFileSync(store.layout.layer(id), bytes);
  const past = new Date(Date.now() - 60_000);
  utimesSync(store.layout.layer(id), past, past);
  t.notThrows(() => store.store.openTree([id]).close());
  for (let times = 0; times < 2; times += 1) {
    await t.throwsAsync(reopened(store).images([id]), { code: "LAYER_CORRUPT", message: /inode 1 / });
  }
});

test("a damaged image of a long chain's run, and a damaged pack, are made again", async (t) => {
  const store = await lent(t);
  let chain = store.chain;
  for (let step = 0; step < 70; step += 1) {
    chain = await addDescribed(store.store, chain, [
      { path: "", type: "directory" },
      { path: "step", type: "file", content: `${step} `.repeat(3000) },
    ]);
  }
  const images = await store.store.images(chain);
  const runs = readdirSync(store.layout.runs).map((key) => path.join(store.layout.runs, key));
  const packs = readdirSync(store.layout.packs).map((name) => path.join(store.layout.packs, name));
  t.true(runs.length > 0 && packs.length === 1);
  for (const file of [...runs.map((run) => path.join(run, readdirSync(run)[0]!)), ...packs]) patch(file, statSync(file).size - 1);
  const tree = reopened(store).openTree(chain);
  t.is(tree.root.child("step" as never)?.entry.type, "file");
  tree.close();
  await reopened(store).prepare(chain);
  t.deepEqual(await reopened(store).images(chain), images);
  t.deepEqual(
    readdirSync(store.layout.packs).map((name) => path.join(store.layout.packs, name)),
    packs,
  );
  for (const { id, path: file } of images) {
    t.true(new ProofTable(store.layout).level(id, statSync(file, { bigint: true })) > 0);
  }
});

test("writing a layer again puts a whole image in the place of a damaged one, and leaves a sound one alone", async (t) => {
  const store = await lent(t);
  const entries: readonly DescribedEntry[] = [
    { path: "", type: "directory" },
    { path: "big", type: "file", content: BIG },
  ];
  const file = store.layout.layer(store.lender);
  const whole = readFileSync(file);
  const { ino } = statSync(file);
  t.deepEqual(await addDescribed(reopened(store), [], entries), [store.lender]);
  t.is(statSync(file).ino, ino);
  truncate(file, 5000);
  t.deepEqual(await addDescribed(reopened(store), [], entries), [store.lender]);
  t.deepEqual(readFileSync(file), whole);
  t.is(statSync(file).mode & 0o777, 0o400);
});
