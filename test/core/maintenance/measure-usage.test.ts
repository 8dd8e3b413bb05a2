import { chmodSync, linkSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import path from "node:path";
import test from "ava";
import type { CommitId, RefName } from "../../../core/model/ids.js";
import { createRef } from "../../../core/operations/branches.js";
import { measureUsage, type Usage } from "../../../core/maintenance/measure-usage.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import { maintainedStore, type MaintainedStore } from "../../helpers/maintained-store.js";

const MEGABYTE = 1 << 20;
const command = "test";

async function usage(store: MaintainedStore, ...commits: CommitId[]): Promise<Usage> {
  return measureUsage(store.reopened(), store.meter(), commits.length > 0 ? commits : undefined);
}

interface WasteCase {
  readonly what: string;
  /** Changes a directory that holds `file`, 1 MiB of random bytes, and `small`, 1,000 bytes. */
  change(directory: string): void;
  readonly wasted: number;
}

const CASES: readonly WasteCase[] = [
  { what: "a large file that is deleted", change: (at) => rmSync(path.join(at, "file")), wasted: MEGABYTE },
  { what: "a large file that is replaced", change: (at) => writeFileSync(path.join(at, "file"), "x"), wasted: MEGABYTE },
  { what: "a small file that is deleted", change: (at) => rmSync(path.join(at, "small")), wasted: 1000 },
  { what: "a large file whose mode changes", change: (at) => chmodSync(path.join(at, "file"), 0o600), wasted: 0 },
  { what: "a file that comes", change: (at) => writeFileSync(path.join(at, "new"), randomBytes(5000)), wasted: 0 },
  {
    what: "a large file that is written anew",
    change: (at) => writeFileSync(path.join(at, "file"), randomBytes(MEGABYTE)),
    wasted: MEGABYTE,
  },
];

for (const { what, change, wasted } of CASES) {
  test(`${what} wastes ${wasted} bytes`, async (t) => {
    const store = await maintainedStore(t);
    const { directory } = store;
    writeFileSync(path.join(directory, "file"), randomBytes(MEGABYTE));
    writeFileSync(path.join(directory, "small"), randomBytes(1000));
    await store.commit("first");
    t.is((await usage(store)).total.wasted, 0);
    change(directory);
    const tip = await store.commit("second");
    const { commits, total } = await usage(store);
    t.is(commits[0]?.wasted, wasted);
    t.is(total.wasted, wasted);
    t.is(commits[0]?.commit, tip);
    t.is(commits[0]?.efficiency === 1, wasted === 0);
  });
}

test("what is stored is what the images take on the disk, each once", async (t) => {
  const store = await maintainedStore(t);
  for (const number of [1, 2, 3]) {
    writeFileSync(path.join(store.directory, `f${number}`), randomBytes(50_000));
    await store.commit(`${number}`);
  }
  await createRef(
    store.repository,
    "refs/tags/v1" as RefName,
    (await store.repository.history.readRef("refs/heads/main" as RefName))!,
    { command },
  );
  const { layers } = store.layout;
  const onDisk = readdirSync(layers).reduce((sum, name) => sum + statSync(path.join(layers, name)).blocks * 512, 0);
  const { total, commits } = await usage(store);
  t.is(total.stored, onDisk);
  t.is(total.exclusive, onDisk);
  t.is(total.efficiency, 1);
  t.is(commits.length, 1);
  t.deepEqual(commits[0]?.refs, ["refs/heads/main", "refs/tags/v1"] as RefName[]);
});

test("what another branch also needs is shared; what is freed with a branch is exclusive", async (t) => {
  const store = await maintainedStore(t);
  const { repository, directory } = store;
  writeFileSync(path.join(directory, "base"), randomBytes(100_000));
  const base = await store.commit("base");
  await createRef(repository, "refs/heads/other" as RefName, base, { command });
  writeFileSync(path.join(directory, "own"), randomBytes(200_000));
  const tip = await store.commit("own");
  const { commits, total } = await usage(store, tip);
  const bytesOf = async (commit: CommitId): Promise<number> =>
    repository.layers.storedBytes((await repository.history.readCommit(commit)).layer);
  const promised = await bytesOf(tip);
  t.like(commits[0], { shared: await bytesOf(base), exclusive: promised });
  t.is(total.shared, await bytesOf(base));
  // Once main no longer needs its own commit, that is what gc finds.
  await rollbackTarget(repository, store.target, base, { command });
  const collected = await store.gc();
  t.is(
    collected.layers.reduce((sum, { bytes }) => sum + bytes, 0),
    promised,
  );
});

test("what a layer borrows is what its lender shares", async (t) => {
  const store = await maintainedStore(t);
  const { directory } = store;
  writeFileSync(path.join(directory, "file"), randomBytes(MEGABYTE));
  await store.commit("first");
  chmodSync(path.join(directory, "file"), 0o600);
  await store.commit("second");
  const { layers, commits } = await usage(store);
  const [borrower, lender] = layers;
  t.is(borrower?.borrowed, MEGABYTE);
  t.is(lender?.shared, MEGABYTE);
  t.is(lender?.borrowed, 0);
  t.true((lender?.exclusive ?? 0) < 20_000);
  t.true((borrower?.stored ?? Infinity) < 20_000);
  t.is(commits[0]?.borrowed, MEGABYTE);
});

test("hardlinks and equal files count once", async (t) => {
  const store = await maintainedStore(t);
  const content = randomBytes(10_000);
  for (const name of ["a", "b"]) writeFileSync(path.join(store.directory, name), content);
  linkSync(path.join(store.directory, "a"), path.join(store.directory, "c"));
  await store.commit("first");
  rmSync(path.join(store.directory, "a"));
  rmSync(path.join(store.directory, "c"));
  await store.commit("still there as b");
  t.is((await usage(store)).total.wasted, 0);
  rmSync(path.join(store.directory, "b"));
  await store.commit("gone");
  t.is((await usage(store)).total.wasted, 12_288);
});

test("a store without commits takes nothing", async (t) => {
  const store = await maintainedStore(t);
  t.deepEqual(await usage(store), {
    commits: [],
    layers: [],
    total: { stored: 0, exclusive: 0, shared: 0, borrowed: 0, wasted: 0, efficiency: 1 },
    unpacked: { directories: 0, bytes: 0 },
    blobs: { count: 0, bytes: 0 },
  });
});
