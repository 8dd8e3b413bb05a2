import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { inflateSync } from "node:zlib";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { collectAndProve, type ForgottenProof } from "../../../../core/operations/rewriting/prove-forgotten.js";
import type { ByteString } from "../../../../core/model/byte-string.js";
import type { CommitId, RefName } from "../../../../core/model/ids.js";
import { createRef } from "../../../../core/operations/branches.js";
import { createContainer } from "../../../../core/operations/container-lifecycle.js";
import { forgetPaths } from "../../../../core/operations/rewriting/forget-paths.js";
import { importSource } from "../../../../core/operations/import-source.js";
import { rollbackTarget } from "../../../../core/operations/rollback-target.js";
import { statusOf } from "../../../../core/operations/status-of.js";
import { findTarget } from "../../../../core/operations/targets.js";
import { undoOperation } from "../../../../core/operations/undo-operation.js";
import { gitHistory } from "../../../../store/git/git-history.js";
import { openGarbage } from "../../../../store/maintenance/collect-waste.js";
import { arbitraryTree } from "../../../helpers/arbitrary-tree.js";
import { CONFIGURATION } from "../../../helpers/container-configuration.js";
import { commitLine, describedTree, firstParents } from "../../../helpers/described-commits.js";
import { maintainedStore, type MaintainedStore } from "../../../helpers/maintained-store.js";
import { memoryRepository } from "../../../helpers/memory-repository.js";

// Here layers borrow beyond their chains.
delete process.env["SOURCE_DATE_EPOCH"];

const command = "forget-path etc/passphrase --all";
const SECRET = "correct-horse-battery-staple";
const places = ["etc/passphrase"] as ByteString[];
const MAIN = "refs/heads/main" as RefName;

interface SecretStore extends MaintainedStore {
  at(name: string): string;
  put(name: string, content: string | Buffer): void;
  ids: CommitId[];
}

/** A large file of which the secret is a small part, so that its blocks are shared. */
function large(mark: string): Buffer {
  const bytes = Buffer.alloc(300_000, "some text that is no secret\n");
  bytes.write(SECRET, 100_000);
  bytes.write(mark, 250_000);
  return bytes;
}

/** etc/passphrase comes with the second commit, changes in place with the third, and goes with the fifth; the sixth changes something else. */
async function secretStore(t: ExecutionContext): Promise<SecretStore> {
  const store = await maintainedStore(t);
  const at = (name: string): string => path.join(store.directory, name);
  const put = (name: string, content: string | Buffer): void => writeFileSync(at(name), content);
  const ids: CommitId[] = [];
  mkdirSync(at("etc"));
  put("etc/hosts", "h".repeat(5000));
  ids.push(await store.commit("first"));
  put("etc/passphrase", large("one"));
  put("beside", "b".repeat(9000));
  ids.push(await store.commit("second"));
  put("etc/passphrase", large("two"));
  ids.push(await store.commit("third"));
  put("etc/hosts", "i".repeat(5000));
  chmodSync(at("beside"), 0o600);
  ids.push(await store.commit("fourth"));
  rmSync(at("etc/passphrase"));
  ids.push(await store.commit("fifth"));
  renameSync(at("beside"), at("moved"));
  ids.push(await store.commit("sixth"));
  return { ...store, at, put, ids };
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Files of a store whose bytes hold a text; of git's objects the bytes that they are the deflated form of. */
function filesWith({ layout }: MaintainedStore, text: string): readonly string[] {
  return filesBelow(layout.root).filter((file) => {
    const bytes = readFileSync(file);
    const isObject = /git\/objects\/[0-9a-f]{2}\//.test(file);
    return bytes.includes(text) || (isObject && inflateSync(bytes).includes(text));
  });
}

async function gcNow({ layout, reopened }: MaintainedStore): Promise<readonly ForgottenProof[]> {
  const options = { pruneAgeMilliseconds: 0, dryRun: false, everything: true };
  // Commits' times are whole seconds.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  return (await collectAndProve(reopened(), openGarbage(layout, gitHistory(layout)), options)).proofs;
}

function assertGone(t: ExecutionContext, store: MaintainedStore, proofs: readonly ForgottenProof[]): void {
  t.is(proofs.length, 1);
  t.like(proofs[0], { held: [], commits: 0, containers: [], running: [] });
  t.deepEqual(filesWith(store, SECRET), []);
}

test("forgetPaths() and gc --now leave no byte of the secret in the store, and its name in logs of commands alone", async (t) => {
  const store = await secretStore(t);
  const { repository, ids } = store;
  await createRef(repository, "refs/tags/v1" as RefName, ids[3]!, { command: "tag" });
  t.true(filesWith(store, SECRET).length > 0);
  const trees = await Promise.all(ids.map((id) => describedTree(repository, id)));
  const result = await forgetPaths(store.reopened(), { places, command });
  t.like(result, { holding: 3, rewritten: 5, containers: [], live: [] });
  t.deepEqual(
    result.refs.map(({ name }) => name as string),
    ["refs/heads/main", "refs/tags/v1"],
  );
  t.is(result.contents.length, 2);
  t.deepEqual(
    result.contents.flatMap(({ keptAt }) => keptAt ?? []),
    [],
  );
  const now = (await firstParents(repository, result.refs[0]!.after!)).reverse();
  t.is(now[0], ids[0]);
  const without = (tree: unknown): unknown => (tree as { path: string }[]).filter((entry) => entry.path !== "etc/passphrase");
  t.deepEqual(await Promise.all(now.map((id) => describedTree(repository, id))), trees.map(without));
  t.is(result.refs[1]!.after, now[3]);
  for (const [index, id] of now.entries()) {
    const [before, after] = [await repository.history.readCommit(ids[index]!), await repository.history.readCommit(id)];
    t.deepEqual([after.message, after.author], [before.message, before.author]);
  }
  t.deepEqual((await store.fsck()).findings, []);
  t.true(filesWith(store, SECRET).length > 0, "undo can still bring it back");
  const proofs = await gcNow(store);
  assertGone(t, store, proofs);
  t.is(proofs[0]?.contents.size, 2);
  t.deepEqual(
    filesWith(store, "passphrase")
      .map((file) => path.relative(store.layout.root, file))
      .sort(),
    ["git/logs/HEAD", "git/logs/refs/heads/main", "operations/log"],
  );
  t.deepEqual((await store.fsck()).findings, []);
  t.is(store.gitFsck(), "");
  await t.throwsAsync(undoOperation(store.reopened(), { command: "undo" }), { code: "NOTHING_TO_UNDO" });
});

test("undo of forgetPaths() brings every commit back, and gc --now then proves nothing", async (t) => {
  const store = await secretStore(t);
  await forgetPaths(store.reopened(), { places, command });
  await undoOperation(store.reopened(), { command: "undo" });
  t.is(await store.repository.history.readRef(MAIN), store.ids.at(-1));
  t.deepEqual(await gcNow(store), []);
  t.true(filesWith(store, SECRET).length > 0);
  t.deepEqual((await store.fsck()).findings, []);
});

test("forgetPaths() writes layers of other branches anew that borrow from what is to go", async (t) => {
  const store = await secretStore(t);
  const source = path.join(path.dirname(store.directory), "source");
  mkdirSync(source);
  writeFileSync(path.join(source, "beside"), "b".repeat(9000));
  writeFileSync(path.join(source, "own"), "own");
  const branch = "refs/heads/other" as RefName;
  const { commit } = await importSource(
    store.reopened(),
    { kind: "directory", path: source },
    { branch, message: "other", command: "import" },
  );
  const lenders = store.repository.layers.lenders(commit.layer);
  t.deepEqual(lenders, [await store.layerOf(store.ids[1]!)], "it borrows from a layer with the secret");
  const wanted = await describedTree(store.repository, commit.id);
  const { refs } = await forgetPaths(store.reopened(), { places, command });
  const moved = refs.find(({ name }) => name === branch)!.after!;
  t.deepEqual(await describedTree(store.repository, moved), wanted);
  assertGone(t, store, await gcNow(store));
  t.deepEqual(await describedTree(store.repository, moved), wanted);
  t.deepEqual((await store.fsck()).findings, []);
});

test("forgetPaths() of one name of a hard link leaves the other, and tells that the content stays", async (t) => {
  const store = await secretStore(t);
  store.put("etc/passphrase", SECRET);
  linkSync(store.at("etc/passphrase"), store.at("other-name"));
  await store.commit("linked");
  const { contents, live } = await forgetPaths(store.reopened(), { places, command });
  const digest = contents.find(({ size }) => size === SECRET.length);
  t.like(digest?.keptAt, { ref: MAIN, path: "other-name" });
  t.deepEqual(live, places);
  t.is(readFileSync(store.at("etc/passphrase"), "utf8"), SECRET, "the directory keeps it");
  const [proof] = await gcNow(store);
  t.deepEqual(
    proof?.held.map((each) => each.digest),
    [digest?.digest],
  );
  t.is(proof?.commits, 0);
  const status = await statusOf(store.reopened(), store.target);
  t.true(
    status.changes.some(({ path: changed }) => (changed as string) === "etc/passphrase"),
    JSON.stringify(status.changes.map(({ path: changed, status: kind }) => [kind, changed])),
  );
  t.deepEqual((await store.fsck()).findings, []);
});

test("forgetPaths() tells of an older commit that has the content at another path", async (t) => {
  const store = await secretStore(t);
  store.put("copy", large("two"));
  await store.commit("copied");
  rmSync(store.at("copy"));
  await store.commit("gone again");
  const { contents } = await forgetPaths(store.reopened(), { places, command });
  const kept = contents.flatMap(({ keptAt }) => keptAt ?? []);
  t.is(kept.length, 1);
  t.is(kept[0]?.path as string | undefined, "copy");
  t.is(kept[0]?.ref, undefined);
});

test("forgetPaths() takes the path out of containers, and keeps what else is not committed in them", async (t) => {
  const store = await secretStore(t);
  const { repository, ids } = store;
  const make = (name: string) =>
    createContainer(repository, { name, commit: ids[3]!, configuration: CONFIGURATION, command: `create ${name}` });
  const [edited, fresh] = [await make("edited"), await make("fresh")];
  const upper = path.join(repository.path, "containers", edited.id, "upper.1");
  mkdirSync(path.join(upper, "etc"));
  writeFileSync(path.join(upper, "etc/passphrase"), `${SECRET} of the container`);
  writeFileSync(path.join(upper, "etc/mine"), "mine");
  const before = await statusOf(store.reopened(), findTarget(repository, "edited"));
  const result = await forgetPaths(store.reopened(), { places, command });
  t.deepEqual([...result.containers].sort(), ["edited", "fresh"]);
  const changes = async (name: string): Promise<readonly string[]> =>
    (await statusOf(store.reopened(), findTarget(repository, name))).changes.map((each) => `${each.status} ${each.path}`);
  t.deepEqual(await changes("fresh"), []);
  const wanted = before.changes.map((each) => `${each.status} ${each.path}`).filter((line) => !line.endsWith("/passphrase"));
  t.deepEqual(await changes("edited"), wanted);
  t.true(wanted.includes("A etc/mine"));
  t.deepEqual((await store.fsck()).findings, []);
  assertGone(t, store, await gcNow(store));
  t.deepEqual(await changes("edited"), wanted);
  t.deepEqual((await store.fsck()).findings, []);
  t.truthy(repository.containers.find(fresh.id));
});

test("undo of forgetPaths() gives a container back what it had, byte for byte", async (t) => {
  const store = await secretStore(t);
  const { repository, ids } = store;
  const { id } = await createContainer(repository, {
    name: "web",
    commit: ids[3]!,
    configuration: CONFIGURATION,
    command: "create",
  });
  const upper = path.join(repository.path, "containers", id, "upper.1");
  mkdirSync(path.join(upper, "etc"));
  writeFileSync(path.join(upper, "etc/passphrase"), `${SECRET} of the container`);
  const digests = async (): Promise<unknown> =>
    (await statusOf(store.reopened(), findTarget(repository, "web"))).changes.map(({ path: changed, status, after }) => [
      changed,
      status,
      after !== undefined && "content" in after ? after.content.digest() : "",
    ]);
  const before = await digests();
  await forgetPaths(store.reopened(), { places, command });
  t.notDeepEqual(await digests(), before);
  await undoOperation(store.reopened(), { command: "undo" });
  t.deepEqual(await digests(), before);
});

test("forgetPaths() and gc --now leave nothing in the images that show long histories", async (t) => {
  const store = await maintainedStore(t);
  const file = (name: string): string => path.join(store.directory, name);
  for (let number = 0; number < 30; number += 1) {
    writeFileSync(file(`f${number}`), String(number));
    if (number === 12) writeFileSync(file("key"), SECRET);
    if (number === 14) writeFileSync(file("key"), large("x"));
    if (number === 24) rmSync(file("key"));
    await store.commit(String(number));
  }
  const views = filesBelow(path.join(store.layout.root, "views/runs"));
  t.true(views.some((view) => readFileSync(view).includes("key")));
  await forgetPaths(store.reopened(), { places: ["key"] as unknown as ByteString[], command });
  assertGone(t, store, await gcNow(store));
  t.deepEqual((await store.fsck()).findings, []);
});

test("forgetPaths() of one branch leaves the others, and gc --now says that they have it", async (t) => {
  const store = await secretStore(t);
  const other = "refs/heads/other" as RefName;
  await createRef(store.repository, other, store.ids[3]!, { command: "branch" });
  const { refs } = await forgetPaths(store.reopened(), { places, branches: [MAIN], command });
  t.deepEqual(
    refs.map(({ name }) => name),
    [MAIN],
  );
  t.is(await store.repository.history.readRef(other), store.ids[3]);
  const [proof] = await gcNow(store);
  t.is(proof?.commits, 3);
  t.is(proof?.held.length, 2);
});

test("gc --now takes what was rolled back, saved and put into quarantine", async (t) => {
  const store = await secretStore(t);
  store.put("etc/passphrase", `${SECRET} again`);
  await rollbackTarget(store.reopened(), store.target, store.ids[1]!, { command: "rollback" });
  rmSync(store.at("etc/passphrase"));
  mkdirSync(path.join(store.layout.root, "quarantine"));
  writeFileSync(path.join(store.layout.root, "quarantine", "a".repeat(64)), SECRET);
  await forgetPaths(store.reopened(), { places, command });
  assertGone(t, store, await gcNow(store));
  t.deepEqual(readdirSync(path.join(store.layout.root, "quarantine")), []);
});

test("forgetPaths() is done by dry run to no byte of the store", async (t) => {
  const store = await secretStore(t);
  const sum = (): string =>
    execFileSync("sh", ["-c", "find . ! -name lock -type f -print0 | sort -z | xargs -0 sha256sum"], {
      cwd: store.layout.root,
      encoding: "latin1",
    });
  const before = sum();
  const told = await forgetPaths(store.reopened(), { places, command, dryRun: true });
  t.is(sum(), before);
  const done = await forgetPaths(store.reopened(), { places, command });
  t.deepEqual([told.holding, told.rewritten, told.replaced], [done.holding, done.rewritten, done.replaced]);
});

test("forgetPaths() of what nothing has is refused with PATH_MISSING", async (t) => {
  const store = await secretStore(t);
  await t.throwsAsync(forgetPaths(store.reopened(), { places: ["etc/none"] as ByteString[], command }), { code: "PATH_MISSING" });
  t.is(await store.repository.history.readRef(MAIN), store.ids.at(-1));
});

test("forgetPaths() of a pattern makes the commits that forgetting its paths makes, whether layers tell names or trees do", async (t) => {
  const store = await secretStore(t);
  const patterns = [{ word: "pass*", has: (path: ByteString) => path.startsWith("etc/pass") || path === "moved" }];
  const scope = { places: [], patterns, command, dryRun: true };
  const told = await forgetPaths(store.reopened(), scope);
  t.deepEqual(told.matched, [{ word: "pass*", paths: ["etc/passphrase", "moved"] as ByteString[] }]);
  const { layers, ...others } = store.reopened();
  const nameless = new Proxy(layers, {
    get: (_, key) => (key === "names" ? undefined : (layers[key as "openTree"] as () => unknown).bind(layers)),
  });
  t.deepEqual(await forgetPaths({ ...others, layers: nameless }, scope), told);
  const listed = await forgetPaths(store.reopened(), { places: told.matched[0]!.paths, command, dryRun: true });
  t.deepEqual({ ...told, matched: [] }, listed);
  await t.throwsAsync(forgetPaths(store.reopened(), { ...scope, patterns: [...patterns, { word: "none*", has: () => false }] }), {
    code: "PATH_MISSING",
    message: /"none\*"/,
  });
});

test("forgetPaths() is refused while anything is in progress", async (t) => {
  const store = await secretStore(t);
  store.repository.inProgress.write("bisect", { kind: "bisect", commits: [], state: {} });
  await t.throwsAsync(forgetPaths(store.reopened(), { places, command }), { code: "IN_PROGRESS" });
});

test("forgetPaths() of a path changes nothing else in any tree, whatever they are", async (t) => {
  const repository = memoryRepository();
  let count = 0;
  const place = fc.constantFrom("a", "b", "a/b", "b/a", "a/a/b", "b-");
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryTree, { minLength: 1, maxLength: 5 }), place, async (versions, forgotten) => {
      const branch = `refs/heads/b${(count += 1)}` as RefName;
      const ids = await commitLine(repository, branch, versions);
      const describe = async (id: CommitId): Promise<unknown> => {
        const entries = (await describedTree(repository, id)) as { path: string; links: string[] }[];
        const stays = (each: string): boolean => each !== forgotten && !each.startsWith(`${forgotten}/`);
        return entries
          .filter((entry) => stays(entry.path))
          .map((entry) => {
            const links = entry.links.filter(stays);
            return { ...entry, links: links.length > 1 ? links : [] };
          });
      };
      const wanted = await Promise.all(ids.map(describe));
      const options = { places: [forgotten as ByteString], branches: [branch], command };
      const result = await forgetPaths(repository, options).catch((error: unknown) => {
        if ((error as { code?: string }).code !== "PATH_MISSING") throw error;
      });
      const now = (await firstParents(repository, (await repository.history.readRef(branch))!)).reverse();
      t.deepEqual(await Promise.all(now.map((id) => describedTree(repository, id))), wanted);
      if (result !== undefined) t.is(result.refs.length, 1);
    }),
    { numRuns: 80 },
  );
});
