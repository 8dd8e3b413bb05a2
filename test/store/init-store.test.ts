import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import { VarveError } from "../../core/errors.js";
import { initStore } from "../../store/init-store.js";
import { openStore } from "../../store/open-store.js";
import { commitChain } from "../helpers/commit-drafts.js";
import { gitHistory } from "../../store/git/git-history.js";
import { testIf } from "../helpers/requirements.js";
import { storeLayout } from "../../store/store-layout.js";
import { takeClonePlace } from "../../store/clone-place.js";
import { temporaryDirectory, temporaryStore } from "../helpers/temporary-store.js";

test("initStore() makes a store for its owner alone, of format 1, that git reads", async (t) => {
  const layout = temporaryStore(t);
  t.is(statSync(layout.root).mode & 0o777, 0o700);
  t.is(readFileSync(layout.format, "utf8"), "1\n");
  t.deepEqual(readdirSync(layout.scratch), []);
  t.is(execFileSync("git", ["symbolic-ref", "HEAD"], { cwd: layout.git, encoding: "utf8" }), "refs/heads/main\n");
  t.is(execFileSync("git", ["rev-parse", "--is-bare-repository"], { cwd: layout.git, encoding: "utf8" }), "true\n");
  t.is((await openStore(layout.root)).root, layout.root);
});

test("initStore() makes the directories above it, and takes an empty one", (t) => {
  const directory = path.join(temporaryDirectory(t), "a/b/.varve");
  t.true(existsSync(initStore(directory).format));
  const empty = path.join(temporaryDirectory(t), "empty");
  mkdirSync(empty, { mode: 0o755 });
  t.is(statSync(initStore(empty).root).mode & 0o777, 0o700);
});

test("initStore() where a store stands throws STORE_EXISTS and changes nothing", (t) => {
  const layout = temporaryStore(t);
  const before = readdirSync(layout.root, { recursive: true });
  const error = t.throws(() => initStore(layout.root), { instanceOf: VarveError });
  t.is(error?.code, "STORE_EXISTS");
  t.truthy(error?.hint);
  t.deepEqual(readdirSync(layout.root, { recursive: true }), before);
});

test("initStore() in a directory with other files throws DESTINATION_NOT_EMPTY and leaves them", (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(path.join(directory, "letter.txt"), "dear");
  t.throws(() => initStore(directory), { code: "DESTINATION_NOT_EMPTY" });
  t.deepEqual(readdirSync(directory), ["letter.txt"]);
});

test("initStore() completes one that was stopped half-way, and changes nothing that stands", async (t) => {
  const layout = temporaryStore(t);
  const [commit] = await commitChain(gitHistory(layout), 1);
  for (const missing of [layout.blobs, path.join(layout.git, "description"), layout.format]) rmSync(missing, { recursive: true });
  await t.throwsAsync(openStore(layout.root), { code: "STORE_MISSING" });
  initStore(layout.root, "other");
  const history = gitHistory(await openStore(layout.root));
  t.is<string, string>(await history.head(), "refs/heads/main");
  t.is((await history.listRefs("refs/"))[0]?.commit, commit);
});

test("initStore() below a file throws WRONG_TYPE with the path", (t) => {
  const file = path.join(temporaryDirectory(t), "file");
  writeFileSync(file, "");
  const error = t.throws(() => initStore(path.join(file, ".varve")), { instanceOf: VarveError });
  t.is(error?.code, "WRONG_TYPE");
  t.true(error?.path?.startsWith(file));
});

for (const [what, make] of [
  ["initStore()", (place: string) => initStore(path.join(place, ".varve"))],
  [
    "takeClonePlace()",
    (place: string) =>
      takeClonePlace({ directory: place, store: path.join(place, ".varve"), source: "elsewhere", branch: "main" }).finish(),
  ],
] as const)
  testIf("mounts")(`${what} on a disk that fills up leaves no part of a store, and works with more room`, (t) => {
    const disk = temporaryDirectory(t);
    execFileSync("mount", ["-t", "tmpfs", "-o", "nr_inodes=2", "none", disk]);
    t.teardown(() => execFileSync("umount", [disk]));
    const place = path.join(disk, "place");
    let failures = 0;
    for (let inodes = 3; ; inodes += 1) {
      execFileSync("mount", ["-o", `remount,nr_inodes=${inodes}`, disk]);
      try {
        make(place);
        break;
      } catch (error) {
        failures += 1;
        t.is((error as VarveError).code, "DISK_FULL", String(error));
        t.deepEqual(
          readdirSync(disk, { recursive: true }).filter((name) => name !== "place"),
          [],
          String(inodes),
        );
      }
    }
    t.true(failures > 10);
    t.true(existsSync(storeLayout(path.join(place, ".varve")).format));
  });
