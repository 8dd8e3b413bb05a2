import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { loadImages } from "../../../core/exchange/load-images.js";
import type { Commit } from "../../../core/model/commit.js";
import type { BlobDigest } from "../../../core/model/image.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import { blobFile, tarFile } from "../../../store/blobs/blob-store.js";
import { patch } from "../../helpers/filled-store.js";
import { DAY_MILLISECONDS, maintainedStore, type MaintainedStore } from "../../helpers/maintained-store.js";
import { temporaryDirectory } from "../../helpers/temporary-directory.js";
import { Layout } from "../../store/oci/layout-on-disk.js";
import { archive, file } from "../../store/tar/raw-tar.js";

const command = "test";
const BASE = archive(file("base", "b".repeat(9000)));
const layerOf = (text: string): Buffer => archive(file(text, text.repeat(100)));

class Loading {
  readonly store: MaintainedStore;
  readonly layout: Layout;
  /** Of layers as they came: who has them can do without the records of their tars. */
  keepBytes: number = Infinity;

  constructor(store: MaintainedStore, layout: Layout) {
    this.store = store;
    this.layout = layout;
  }

  /** An image of two layers, the lower of which all share. */
  async load(name: string): Promise<Commit> {
    this.layout.index(this.layout.whole([BASE, layerOf(name)], `${name}:1`));
    return this.again();
  }

  async again(): Promise<Commit> {
    const options = { command, keepBytes: this.keepBytes };
    const [loaded] = await loadImages(this.store.reopened(), { kind: "directory", path: this.layout.path }, options);
    return loaded!.commit;
  }

  kept(): readonly string[] {
    return this.store.repository.blobs.list().map(({ kind, digest }) => `${kind} ${digest}`);
  }
}

async function loading(t: ExecutionContext): Promise<Loading> {
  return new Loading(await maintainedStore(t), new Layout(temporaryDirectory(t)));
}

test("gc keeps what commits' images name, and removes the rest once undo can't bring it back", async (t) => {
  const loader = await loading(t);
  const { store } = loader;
  await loader.load("one");
  const ofOne = loader.kept();
  // Two layers as they came and as records, a config, a manifest.
  t.is(ofOne.length, 6);
  await loader.load("two");
  const ofBoth = loader.kept();
  t.is(ofBoth.length, 10);
  t.deepEqual((await store.gc()).blobs, []);

  await undoOperation(store.reopened(), { command });
  t.deepEqual((await store.gc({ age: DAY_MILLISECONDS })).blobs, []);
  const dry = await store.gc({ dryRun: true });
  t.deepEqual(loader.kept(), ofBoth);
  const { blobs, bytes, layers } = await store.gc();
  t.deepEqual(blobs, dry.blobs);
  t.is(blobs.length, 4);
  t.true(bytes >= blobs.reduce((sum, blob) => sum + blob.bytes, 0) + layers.reduce((sum, layer) => sum + layer.bytes, 0));
  t.deepEqual(loader.kept(), ofOne);
  t.deepEqual((await store.fsck()).findings, []);
  t.deepEqual(readdirSync(store.layout.scratch), []);
});

test("gc removes blobs that an interrupted load has left", async (t) => {
  const loader = await loading(t);
  await loader.load("one");
  const before = loader.kept();
  loader.store.repository.blobs.put(Buffer.from("a config that no commit names"));
  t.is((await loader.store.gc()).blobs.length, 1);
  t.deepEqual(loader.kept(), before);
});

interface Damaged {
  readonly what: string;
  readonly place: (store: MaintainedStore, commit: Commit) => string;
  readonly damage: (file: string) => void;
  readonly state: RegExp;
  /** Whether --quick sees it. */
  readonly quick?: boolean;
  /** Whether it is damage still when it was removed. */
  readonly needed?: boolean;
  readonly missing?: boolean;
}

const blob = (pick: (image: NonNullable<Commit["image"]>) => BlobDigest | undefined): Damaged["place"] => {
  return ({ layout }, { image }) => blobFile(layout, pick(image!)!);
};
const config = blob((image) => image.config?.digest);
const manifest = blob((image) => image.manifest?.digest);
const layer = blob((image) => image.blob?.digest);
const record: Damaged["place"] = ({ layout }, { image }) => tarFile(layout, image!.diffId!);
const fifo = (place: string): void => {
  rmSync(place);
  execFileSync("mkfifo", [place]);
};

const damages: readonly Damaged[] = [
  {
    what: "a config with a changed byte",
    place: config,
    damage: (place) => patch(place, 3),
    state: /not what its name/,
    needed: true,
  },
  {
    what: "a missing config",
    place: config,
    damage: (place) => rmSync(place),
    state: /is missing/,
    quick: true,
    needed: true,
    missing: true,
  },
  {
    what: "a manifest that is cut",
    place: manifest,
    damage: (place) => truncateSync(place, 9),
    state: /9 bytes|not what/,
    quick: true,
    needed: true,
  },
  { what: "a layer's copy with a changed byte", place: layer, damage: (place) => patch(place, 20), state: /not what its name/ },
  {
    what: "a layer's copy that is empty",
    place: layer,
    damage: (place) => truncateSync(place),
    state: /0 bytes|not what/,
    quick: true,
  },
  { what: "a FIFO in the place of a layer's copy", place: layer, damage: fifo, state: /no regular file/, quick: true },
  { what: "a record of a tar that is cut", place: record, damage: (place) => truncateSync(place, 40), state: /record/ },
  { what: "a record of a tar with a changed byte", place: record, damage: (place) => patch(place, 60), state: /record/ },
  { what: "a FIFO in the place of a record", place: record, damage: fifo, state: /record is damaged/ },
];

for (const { what, place, damage, state, quick = false, needed = false, missing = false } of damages) {
  test(`fsck finds ${what}, fsck --repair removes it, and loading again puts it back`, async (t) => {
    const loader = await loading(t);
    const { store } = loader;
    if (place === record) loader.keepBytes = -1;
    const commit = await loader.load("one");
    t.deepEqual((await store.fsck()).findings, []);
    const before = loader.kept();
    const damaged = place(store, commit);
    damage(damaged);

    const [found, ...others] = (await store.fsck()).findings;
    t.deepEqual(others, []);
    t.is(found?.part, "blob");
    t.regex(found?.state ?? "", state);
    t.deepEqual(found?.commits, [commit.id]);
    t.is((await store.fsck({ quick: true })).findings.length, quick ? 1 : 0);

    const [mended] = (await store.fsck({ repair: true })).findings;
    t.is(mended?.repaired, !needed);
    t.regex(mended?.repair ?? "", missing ? /^loading/ : /^removed; loading/);
    t.deepEqual(
      (await store.fsck()).findings.map((finding) => finding.state),
      needed ? ["is missing"] : [],
    );
    t.is((await loader.again()).id, commit.id);
    t.deepEqual((await store.fsck()).findings, []);
    t.deepEqual(loader.kept(), before);
  });
}

test("fsck blames a damaged layer, and no record of its tar", async (t) => {
  const loader = await loading(t);
  const { store } = loader;
  const { layer: id } = await loader.load("one");
  patch(store.layout.layer(id), 5000);
  const { findings } = await store.fsck();
  t.deepEqual(
    findings.map(({ part, name }) => [part, name]),
    [["layer", id]],
  );
});

test("fsck tells of what is nothing of varve's among blobs", async (t) => {
  const { store } = await loading(t).then(async (loader) => {
    await loader.load("one");
    return loader;
  });
  writeFileSync(path.join(store.layout.blobs, "sha256", "README"), "x");
  writeFileSync(path.join(store.layout.blobs, "notes"), "x");
  t.deepEqual(
    (await store.fsck()).findings.map(({ part, name }) => [part, name]),
    [
      ["notice", "blobs/notes"],
      ["notice", "blobs/sha256/README"],
    ],
  );
});
