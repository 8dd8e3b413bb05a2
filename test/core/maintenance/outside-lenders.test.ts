import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import type { CommitId, LayerId, RefName } from "../../../core/model/ids.js";
import { nodeAt } from "../../../core/model/paths.js";
import { measureUsage } from "../../../core/maintenance/measure-usage.js";
import { deleteRefs } from "../../../core/operations/branches.js";
import { createContainer } from "../../../core/operations/container-lifecycle.js";
import { importSource } from "../../../core/operations/import-source.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import { openCommitTree } from "../../../core/operations/targets.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import { CONFIGURATION } from "../../helpers/container-configuration.js";
import { patch } from "../../helpers/filled-store.js";
import { DAY_MILLISECONDS, maintainedStore, type MaintainedStore } from "../../helpers/maintained-store.js";

// Here layers borrow beyond their chains.
delete process.env["SOURCE_DATE_EPOCH"];

const BIG = Buffer.alloc(20_000, "big content ");
const command = "test";
const LENDING = "refs/heads/lending" as RefName;
const BORROWING = "refs/heads/borrowing" as RefName;

interface LentStore extends MaintainedStore {
  /** Of the branch `lending`, which has `big`. */
  readonly lender: LayerId;
  /** Of the branch `borrowing`, which has `big` and `own`. */
  readonly borrower: LayerId;
  readonly borrowing: CommitId;
  import(branch: RefName, files: Readonly<Record<string, Buffer | string>>): Promise<CommitId>;
}

/** Two branches that have nothing in common but a content. */
async function lentStore(t: ExecutionContext): Promise<LentStore> {
  const store = await maintainedStore(t);
  const source = path.join(path.dirname(store.directory), "source");
  const take = async (branch: RefName, files: Readonly<Record<string, Buffer | string>>): Promise<CommitId> => {
    rmSync(source, { recursive: true, force: true });
    mkdirSync(source);
    for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(source, name), bytes);
    for (const name of [...Object.keys(files), "."]) utimesSync(path.join(source, name), 7, 7);
    const from = { kind: "directory", path: source } as const;
    return (await importSource(store.reopened(), from, { branch, message: branch, command })).commit.id;
  };
  const lender = await store.layerOf(await take(LENDING, { big: BIG, other: "o".repeat(9000) }));
  const borrowing = await take(BORROWING, { big: BIG, own: "own".repeat(2000) });
  return { ...store, lender, borrowing, borrower: await store.layerOf(borrowing), import: take };
}

function bytesOf(store: LentStore, commit: CommitId, name: string): Promise<Buffer> {
  return openCommitTree(store.reopened(), commit).then((tree) => {
    const node = nodeAt(tree, name as never);
    if (node === undefined || !("content" in node)) throw new TypeError(`no file "${name}"`);
    const bytes = Buffer.alloc(node.content.size);
    node.content.open().read(bytes, 0);
    tree.close();
    return bytes;
  });
}

test("a layer lends to another branch, and du counts what it lends", async (t) => {
  const store = await lentStore(t);
  const { layers } = store.repository;
  t.deepEqual(layers.image(store.borrower).devices, [layers.image(store.lender).path]);
  const { commits, layers: rows } = await measureUsage(store.reopened(), store.meter(), [store.borrowing]);
  t.like(commits[0], { layers: 2, borrowed: 20_480 });
  t.is(commits[0]?.exclusive, layers.storedBytes(store.borrower));
  t.is(rows.find(({ layer }) => layer === store.lender)?.shared, 20_480);
  t.deepEqual((await store.fsck()).findings, []);
});

test("gc keeps a lender when its branch is gone, and takes both when the borrower is gone", async (t) => {
  const store = await lentStore(t);
  await deleteRefs(store.repository, [LENDING], { command, force: true });
  const { layers, commits } = await store.gc();
  t.deepEqual([layers.length, commits.length], [0, 1]);
  t.deepEqual(await bytesOf(store, store.borrowing, "big"), BIG);
  t.deepEqual((await store.fsck()).findings, []);
  // It is sure to be kept, so it lends on.
  const third = await store.import("refs/heads/third" as RefName, { big: BIG, more: "m".repeat(5000) });
  t.deepEqual(store.repository.layers.image(await store.layerOf(third)).devices, [store.layout.layer(store.lender)]);
  for (const branch of [BORROWING, "refs/heads/third" as RefName])
    await deleteRefs(store.reopened(), [branch], { command, force: true });
  t.is((await store.gc()).layers.length, 3);
  t.deepEqual([readdirSync(store.layout.layers), readdirSync(store.layout.variants)], [[], []]);
});

test("what undo alone keeps lends nothing, so that it can go", async (t) => {
  const store = await maintainedStore(t);
  writeFileSync(path.join(store.directory, "a"), "1");
  const first = await store.commit("first");
  writeFileSync(path.join(store.directory, "secret"), BIG);
  const { saved } = await rollbackTarget(store.repository, store.target, first, { command });
  writeFileSync(path.join(store.directory, "again"), BIG);
  const next = await store.layerOf(await store.commit("again"));
  t.deepEqual(store.repository.layers.image(next).devices, []);
  t.truthy(saved);
});

test("undo after a gc brings back a tree of which another branch lends the contents", async (t) => {
  const store = await lentStore(t);
  writeFileSync(path.join(store.directory, "a"), "1");
  const first = await store.commit("first");
  writeFileSync(path.join(store.directory, "big"), BIG);
  const { saved } = await rollbackTarget(store.repository, store.target, first, { command });
  const layer = await store.layerOf(saved as CommitId);
  t.deepEqual(store.repository.layers.image(layer).devices, [store.layout.layer(store.lender)]);
  for (const branch of [LENDING, BORROWING]) await deleteRefs(store.repository, [branch], { command: "branch -d", force: true });
  await store.gc({ age: DAY_MILLISECONDS });
  for (let step = 0; step < 3; step += 1) await undoOperation(store.reopened(), { command });
  t.deepEqual(readFileSync(path.join(store.directory, "big")), BIG);
  t.deepEqual((await store.fsck()).findings, []);
});

test("fsck names all that a damaged lender touches: commits and containers of other branches, too", async (t) => {
  const store = await lentStore(t);
  const options = { name: "web", commit: store.borrowing, configuration: CONFIGURATION, command };
  await createContainer(store.reopened(), options);
  const lending = (await store.repository.history.readRef(LENDING)) as CommitId;
  patch(store.layout.layer(store.lender), 4096 + 17);
  const { findings } = await store.fsck();
  t.like(
    findings.find(({ name }) => name === store.lender),
    { faults: [{ kind: "content", path: "big" }], containers: ["web"] },
  );
  t.deepEqual(new Set(findings.find(({ name }) => name === store.lender)?.commits), new Set([lending, store.borrowing]));
  t.like(
    findings.find(({ name }) => name === store.borrower),
    { faults: [{ kind: "lender", path: "big" }] },
  );
  rmSync(store.layout.layer(store.lender));
  await deleteRefs(store.reopened(), [LENDING], { command, force: true });
  const missing = (await store.fsck({ quick: true })).findings.find(({ name }) => name === store.lender);
  t.like(missing, { state: "is missing", containers: ["web"] });
  t.true(missing?.commits.includes(store.borrowing));
});

test("importing the tree of a damaged lender again makes the store whole, though others have its contents", async (t) => {
  const store = await lentStore(t);
  const files = { big: BIG, other: "o".repeat(9000) };
  patch(store.layout.layer(store.lender), 4096 + 17);
  await store.fsck({ repair: true });
  t.false(existsSync(store.layout.layer(store.lender)));
  await store.import("refs/heads/copy" as RefName, { other: "o".repeat(9000), third: "t".repeat(4096) });
  t.is(await store.layerOf(await store.import("refs/heads/healed" as RefName, files)), store.lender);
  t.deepEqual((await store.fsck()).findings, []);
  t.deepEqual(await bytesOf(store, store.borrowing, "big"), BIG);
});
