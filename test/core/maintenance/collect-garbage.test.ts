import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { CommitId, LayerId, RefName } from "../../../core/model/ids.js";
import { createRef, deleteRefs } from "../../../core/operations/branches.js";
import { layerChain } from "../../../core/layers/layer-chain.js";
import { createContainer, removeContainers } from "../../../core/operations/container-lifecycle.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import { undoOperation } from "../../../core/operations/undo-operation.js";
import { CONFIGURATION } from "../../helpers/container-configuration.js";
import { DAY_MILLISECONDS, maintainedStore, type MaintainedStore } from "../../helpers/maintained-store.js";

const command = "test";

/** Commits `text` as the file `name`. */
async function put(store: MaintainedStore, name: string, text: string): Promise<CommitId> {
  writeFileSync(path.join(store.directory, name), text);
  return store.commit(`${name} ${text.slice(0, 10)}`);
}

test("gc of a store in which all is reached removes nothing", async (t) => {
  const store = await maintainedStore(t);
  await put(store, "a", "1");
  await put(store, "a", "2");
  const { layers, commits, saved, views, bytes, kept } = await store.gc();
  t.deepEqual({ layers, commits, saved, views, bytes }, { layers: [], commits: [], saved: [], views: [], bytes: 0 });
  t.like(kept, { commits: 2, layers: 2 });
  t.deepEqual((await store.fsck()).findings, []);
});

test("gc keeps a branch that was rolled back for undo while the operation is young, and removes it later", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  const second = await put(store, "a", "2");
  await rollbackTarget(store.repository, store.target, first, { command });
  t.deepEqual((await store.gc({ age: DAY_MILLISECONDS })).layers, []);
  const gone = await store.gc();
  t.deepEqual(gone.commits, [second]);
  t.deepEqual(
    gone.layers.map(({ id }) => id as string),
    [...(await missing(store, second))],
  );
  t.deepEqual((await store.fsck()).findings, []);
  t.is(store.gitFsck(), "");
});

/** The one layer that is not the first commit's. */
async function missing(store: MaintainedStore, commit: CommitId): Promise<string[]> {
  return store.repository.layers.has(await store.layerOf(commit)) ? [] : [await store.layerOf(commit)];
}

test("undo of what gc took says so, with NOTHING_TO_UNDO", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  await put(store, "a", "2");
  await rollbackTarget(store.repository, store.target, first, { command: "rollback HEAD~1" });
  await store.gc();
  const error = await t.throwsAsync(undoOperation(store.reopened(), { command }), { code: "NOTHING_TO_UNDO" });
  t.regex(error?.message ?? "", /^Cannot undo "rollback HEAD~1" of .*: commit "[0-9a-f]{12}" is gone$/);
  t.is(readFileSync(path.join(store.directory, "a"), "utf8"), "1");
});

test("undo after a gc with a limit brings back what was discarded, byte for byte", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  writeFileSync(path.join(store.directory, "a"), "not committed");
  const { saved } = await rollbackTarget(store.repository, store.target, first, { command });
  const { layers } = await store.gc({ age: DAY_MILLISECONDS });
  t.deepEqual(layers, []);
  t.truthy(saved);
  await undoOperation(store.reopened(), { command });
  t.is(readFileSync(path.join(store.directory, "a"), "utf8"), "not committed");
});

test("gc takes the hidden refs of saved trees that no operation needs, and leaves no ref to them", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  writeFileSync(path.join(store.directory, "a"), "2");
  const { saved } = await rollbackTarget(store.repository, store.target, first, { command });
  // The commit's own time counts too, in whole seconds.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  t.deepEqual((await store.gc()).saved, [saved as CommitId]);
  t.deepEqual(await store.repository.history.listRefs("refs/varve/"), []);
});

test("gc --dry-run changes no byte of the store, and tells what gc then does", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  await put(store, "a", "2".repeat(100_000));
  await rollbackTarget(store.repository, store.target, first, { command });
  const before = files(store);
  const told = await store.gc({ dryRun: true });
  t.deepEqual(files(store), before);
  const free = diskBytes(store);
  const done = await store.gc();
  t.deepEqual(done.layers, told.layers);
  t.deepEqual(done.commits, told.commits);
  t.is(done.bytes, told.bytes);
  t.true(done.bytes >= 100_000);
  // Folders of git's and the horizon are left, the cache of commits goes too.
  t.true(Math.abs(free - diskBytes(store) - done.bytes) < 40_000);
});

function files({ layout }: MaintainedStore): string {
  return execFileSync("sh", ["-c", "find . ! -name lock -type f -print0 | sort -z | xargs -0 sha256sum"], {
    cwd: layout.root,
    encoding: "latin1",
  });
}

function diskBytes({ layout }: MaintainedStore): number {
  return Number(execFileSync("du", ["-s", "-B1", layout.root], { encoding: "latin1" }).split("\t")[0]);
}

test("gc keeps what a container stands on, and takes it when the container is gone", async (t) => {
  const store = await maintainedStore(t);
  const { repository } = store;
  await put(store, "a", "1");
  await createRef(repository, "refs/heads/other" as RefName, await put(store, "a", "2"), { command });
  const tip = (await repository.history.readRef("refs/heads/other" as RefName)) as CommitId;
  await rollbackTarget(repository, store.target, (await repository.history.readCommit(tip)).parents[0]!, { command });
  const record = await createContainer(repository, {
    name: "web",
    branch: "refs/heads/other" as RefName,
    commit: tip,
    configuration: CONFIGURATION,
    command,
  });
  // A branch under it can't be deleted by varve; a person with git can.
  execFileSync("git", ["update-ref", "-d", "refs/heads/other"], { cwd: store.layout.git });
  t.deepEqual((await store.gc()).layers, []);
  t.deepEqual((await store.gc()).kept.layers, 2);
  execFileSync("git", ["update-ref", "refs/heads/other", tip], { cwd: store.layout.git });
  await removeContainers(repository, [record], { command });
  await deleteRefs(repository, ["refs/heads/other" as RefName], { command, force: true });
  t.is((await store.gc()).layers.length, 1);
  t.deepEqual((await store.fsck()).findings, []);
});

test("gc keeps the layer that lends, though no commit of a branch has it", async (t) => {
  const store = await maintainedStore(t);
  const { repository, layout } = store;
  const content = "lent".repeat(50_000);
  const first = await put(store, "a", content);
  execFileSync("chmod", ["600", path.join(store.directory, "a")]);
  const second = await store.commit("mode");
  // A commit with the second layer alone, as a squash would make one, if layers were not written anew.
  const { history } = repository;
  const { layer, tree, storedBytes } = await history.readCommit(second);
  const alone = await history.writeCommit({
    layer,
    tree,
    storedBytes,
    added: 1,
    modified: 0,
    deleted: 0,
    parents: [],
    author: await history.author(),
    message: "alone",
  });
  await history.updateRefs([{ name: "refs/heads/main" as RefName, before: second, after: alone }]);
  await rewindLogs(store);
  const { layers, commits } = await store.gc();
  t.deepEqual(layers, []);
  t.deepEqual([...commits].sort(), [first, second].sort());
  t.true(existsSync(layout.layer(await store.layerOf(alone))));
});

/** As if all had happened long ago. */
async function rewindLogs({ layout }: MaintainedStore): Promise<void> {
  rmSync(path.join(layout.git, "logs"), { recursive: true });
}

test("gc removes views that show what it removes, and keeps the others", async (t) => {
  const store = await maintainedStore(t);
  const { repository, layout, target } = store;
  const commits: CommitId[] = [];
  for (let number = 0; number < 70; number += 1) commits.push(await put(store, "a", `${number} `.repeat(3000)));
  const chainOf = (length: number): Promise<readonly LayerId[]> =>
    layerChain(repository.history, commits[length - 1] as CommitId);
  const kept = await chainOf(20);
  await repository.layers.images(kept);
  await repository.layers.images(await chainOf(70));
  const [runs, packs] = [readdirSync(layout.runs), readdirSync(layout.packs)];
  await rollbackTarget(repository, target, commits[19] as CommitId, { command });
  const { views } = await store.gc();
  const left = readdirSync(layout.runs);
  t.true(left.length > 0 && left.every((name) => kept.includes(name.split(".")[1] as LayerId)));
  t.is(packs.length, 1);
  t.deepEqual(readdirSync(layout.packs), []);
  t.is(views.length, runs.length - left.length + 1);
  t.true(views.every(({ bytes, path: name }) => bytes >= 4096 && name.startsWith("views/")));
  t.deepEqual((await store.fsck()).findings, []);
});

test("gc of a store with a damaged ref, commit or layer removes nothing and says why", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  const second = await put(store, "a", "2");
  await createRef(store.repository, "refs/tags/v1" as RefName, second, { command });
  await rollbackTarget(store.repository, store.target, first, { command });
  const ref = path.join(store.layout.git, "refs/tags/v1");
  const layers = readdirSync(store.layout.layers);
  for (const damage of ["", "zz", "ab".repeat(20)]) {
    writeFileSync(ref, damage);
    const error = await t.throwsAsync(store.gc(), { code: "STORE_DAMAGED" });
    t.regex(error?.message ?? "", /^Cannot tell what the store must keep: /);
  }
  writeFileSync(ref, `${second}\n`);
  const layer = store.layout.layer(await store.layerOf(first));
  const bytes = readFileSync(layer);
  rmSync(layer);
  await t.throwsAsync(store.gc(), { code: "STORE_DAMAGED", message: /is missing/ });
  writeFileSync(layer, bytes);
  t.deepEqual(readdirSync(store.layout.layers), layers);
});

test("an id of a commit that gc took is unknown, loose or packed", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  const second = await put(store, "a", "2");
  execFileSync("git", ["gc", "-q"], { cwd: store.layout.git });
  await rollbackTarget(store.repository, store.target, first, { command });
  const third = await put(store, "a", "3");
  await rollbackTarget(store.repository, store.target, first, { command });
  const { commits, layers } = await store.gc();
  t.deepEqual(commits, [third]);
  t.is(layers.length, 2);
  await t.throwsAsync(store.reopened().history.readCommit(third), { code: "STORE_DAMAGED" });
  // Git's pack still holds it: no ref may lead to it all the same.
  await t.throwsAsync(createRef(store.reopened(), "refs/tags/x" as RefName, second, { command }), { code: "REVISION_UNKNOWN" });
  const container = { name: "late", commit: second, configuration: CONFIGURATION, command };
  await t.throwsAsync(createContainer(store.reopened(), container), { code: "REVISION_UNKNOWN" });
  t.deepEqual(store.repository.containers.list(), []);
  t.deepEqual((await store.fsck()).findings, []);
  t.is(store.gitFsck(), "");
});

test("a later gc with a limit passes over what an earlier one took", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  await put(store, "a", "2");
  await rollbackTarget(store.repository, store.target, first, { command });
  await store.gc();
  await put(store, "a", "3");
  t.deepEqual((await store.gc({ age: DAY_MILLISECONDS })).layers, []);
  t.deepEqual((await store.fsck()).findings, []);
});

test("a gc that was killed after any removal leaves a sound store that the next one finishes", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  await put(store, "a", "2");
  const third = await put(store, "a", "3");
  await rollbackTarget(store.repository, store.target, first, { command });
  const { commits, layers } = await store.gc({ dryRun: true });
  t.is(commits.length, 2);
  // As the order of removals has it: commits first. What is left are layers that nothing names.
  for (const id of commits) rmSync(path.join(store.layout.git, "objects", id.slice(0, 2), id.slice(2)));
  rmSync(path.join(store.layout.git, "logs"), { recursive: true });
  writeFileSync(path.join(store.layout.operations, "horizon"), `${new Date().toISOString()}\n`);
  rmSync(store.layout.commitCache, { recursive: true });
  t.deepEqual((await store.fsck()).findings, []);
  t.deepEqual((await store.gc()).layers, layers);
  t.deepEqual((await store.fsck()).findings, []);
  t.truthy(third);
});

test("gc keeps what work in progress needs, and fsck tells when that is lost", async (t) => {
  const store = await maintainedStore(t);
  const first = await put(store, "a", "1");
  const second = await put(store, "a", "2");
  await rollbackTarget(store.repository, store.target, first, { command });
  store.repository.inProgress.write("directory", { kind: "rebase", commits: [second], state: {} });
  t.deepEqual((await store.gc()).layers, []);
  t.deepEqual((await store.fsck()).findings, []);
  store.repository.inProgress.write("directory", undefined);
  t.deepEqual((await store.gc()).commits, [second]);
  store.repository.inProgress.write("directory", { kind: "rebase", commits: [second], state: {} });
  const states = (await store.fsck()).findings.map(({ part, name }) => `${part} ${name}`);
  t.true(states.includes("operation progress/directory.json"), states.join(", "));
});
