import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import { createRef } from "../../../core/operations/branches.js";
import { restoreOperation } from "../../../core/operations/restore-operation.js";
import { rollbackTarget } from "../../../core/operations/rollback-target.js";
import { applyStash, dropStashes, listStashes, pushStash } from "../../../core/operations/stash.js";
import { switchBranch } from "../../../core/operations/switch-branch.js";
import { redoOperation, undoOperation } from "../../../core/operations/undo-operation.js";
import { branchRef, tagRef } from "../../../core/revision/ref-names.js";
import { selectPlaces } from "../../../core/paths/path-selection.js";
import type { ByteString } from "../../../core/model/byte-string.js";
import { maintainedStore, type MaintainedStore } from "../../helpers/maintained-store.js";

interface Story extends MaintainedStore {
  sh(script: string): string;
  /** What find(1) and sha256sum(1) say of the directory, without its store, its root's time, and the sizes of directories. */
  witness(): string;
}

async function story(t: ExecutionContext): Promise<Story> {
  const store = await maintainedStore(t);
  const sh = (script: string): string => execFileSync("sh", ["-ec", script], { cwd: store.directory, encoding: "utf8" });
  sh(
    "mkdir -p etc/deep; echo one > etc/one; echo two > etc/two; ln etc/one etc/deep/uno; ln -s one etc/link; mkfifo pipe; chmod 700 etc/deep",
  );
  const witness = (): string => {
    const files = "find . -path ./.varve -prune -o ! -type d -printf '%p %y %m %U:%G %s %T@ %n %l\\n' | sort";
    const directories = "find . -path ./.varve -prune -o -type d ! -path . -printf '%p %m %U:%G %T@\\n' | sort";
    return sh(`${files}; ${directories}; find . -path ./.varve -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`);
  };
  return { ...store, sh, witness };
}

const EDITS = [
  "echo changed > etc/two; rm etc/link; mkdir new; echo n > new/n; chmod 4755 etc/one",
  "rm -r etc; echo file > etc",
  "rm etc/deep/uno; ln etc/two etc/deep/dos; touch -d '1960-01-01 00:00:00.123456789' etc/two",
  "mv etc renamed; printf '\\377' > \"$(printf 'bad\\376name')\"; setfattr -n user.x -v y renamed/one || true",
];

for (const edit of EDITS) {
  test(`a switch saves what is not committed; undo brings it back byte for byte, redo takes it away again: ${edit}`, async (t) => {
    const { repository, target, commit, sh, witness } = await story(t);
    const first = await commit("first");
    await createRef(repository, branchRef("next"), first, { command: "branch" });
    sh("echo more > etc/more");
    await commit("second");
    const clean = witness();
    sh(edit);
    const dirty = witness();
    const { saved, close } = await switchBranch(repository, target, branchRef("next"), { command: "switch" });
    close();
    t.truthy(saved);
    const there = witness();
    await undoOperation(repository, { command: "undo" });
    t.is(witness(), dirty);
    await redoOperation(repository, { command: "redo" });
    t.is(witness(), there);
    sh("rm -f etc/two; echo late > late");
    const late = witness();
    await restoreOperation(repository, "@{4}", { command: "op restore" });
    t.is<string, string>(await repository.history.head(), "refs/heads/main");
    await undoOperation(repository, { command: "undo" });
    t.is(witness(), late, "what stood there when all was put back was saved, too");
    (await rollbackTarget(repository, target, await headOf(repository), { command: "rollback" })).close();
    t.not(witness(), clean);
  });

  test(`a stash puts all of it aside, gc keeps it, and pop brings it back: ${edit}`, async (t) => {
    const store = await story(t);
    const { repository, target, commit, sh, witness } = store;
    await commit("first");
    const clean = witness();
    sh(edit);
    const dirty = witness();
    const { commit: stashed } = await pushStash(repository, target, { command: "stash", message: "aside" });
    t.is(stashed.message, "On main: aside");
    t.is(witness(), clean);
    await store.gc({ age: 0 });
    t.is((await listStashes(repository)).length, 1);
    const { close } = await applyStash(repository, target, 0, { command: "pop", drop: true });
    close();
    t.is(witness(), dirty);
    t.deepEqual(await listStashes(repository), []);
    await undoOperation(repository, { command: "undo" });
    t.is(witness(), clean);
    t.is((await listStashes(repository))[0]?.commit.id, stashed.id);
    await dropStashes(repository, 0, { command: "drop" });
    await store.gc({ age: -1000 });
    t.deepEqual(repository.layers.list().includes(stashed.layer), false, "what was dropped goes");
    t.is(store.gitFsck(), "");
  });
}

async function headOf({
  history,
}: Story["repository"]): Promise<Exclude<Awaited<ReturnType<typeof history.readRef>>, undefined>> {
  return (await history.readRef(await history.head()))!;
}

test("a stash of some paths leaves the others, and is applied beside other changes", async (t) => {
  const { repository, target, commit, sh } = await story(t);
  await commit("first");
  sh("echo 1 > etc/one; echo 2 > etc/two; echo 3 > etc/three");
  const paths = selectPlaces(["etc/two", "etc/three"] as ByteString[]);
  await pushStash(repository, target, { command: "stash", paths });
  t.is(sh("cat etc/one etc/two; ls etc"), "1\ntwo\ndeep\nlink\none\ntwo\n");
  sh("echo here > etc/here");
  const applied = await applyStash(repository, target, 0, { command: "apply", drop: false });
  applied.close();
  t.is(sh("cat etc/one etc/two etc/three etc/here"), "1\n2\n3\nhere\n");
  t.is((await listStashes(repository)).length, 1);
});

test("a stash is merged into what the tree has changed elsewhere in the same file", async (t) => {
  const { repository, target, commit, sh, witness } = await story(t);
  sh("seq 9 > etc/lines; chmod 644 etc/lines");
  await commit("first");
  sh("sed -i s/1/one/ etc/lines");
  await pushStash(repository, target, { command: "stash" });
  sh("sed -i s/9/nine/ etc/lines; chmod 600 etc/lines");
  const before = witness();
  (await applyStash(repository, target, 0, { command: "pop", drop: true })).close();
  t.is(sh("tr '\\n' ' ' < etc/lines; stat -c %a etc/lines"), "one 2 3 4 5 6 7 8 nine 600\n");
  await undoOperation(repository, { command: "undo" });
  t.is(witness(), before);
});

const CLASHES: readonly (readonly [stashed: string, since: string])[] = [
  ["echo s > etc/two", "echo w > etc/two"],
  ["rm etc/two", "echo w > etc/two"],
  ["echo s > etc/two", "rm etc/two"],
  ["echo s > new", "mkdir new"],
  ["echo s > etc/deep/new", "rm -r etc/deep; echo w > etc/deep"],
  ["rm -r etc/deep", "echo w > etc/deep/new"],
  ["rm -r etc/deep; echo s > etc/deep", "echo w > etc/deep/new"],
  ["chmod 600 etc/two", "chmod 640 etc/two"],
  ["echo w > etc/deep/new", "rm -r etc/deep"],
];

for (const [stashed, since] of CLASHES) {
  test(`a stash that changed what the tree has changed otherwise is a CONFLICT, and nothing is done: ${stashed} / ${since}`, async (t) => {
    const { repository, target, commit, sh, witness } = await story(t);
    await commit("first");
    sh(stashed);
    await pushStash(repository, target, { command: "stash" });
    sh(since);
    const before = witness();
    await t.throwsAsync(applyStash(repository, target, 0, { command: "pop", drop: true }), { code: "CONFLICT" });
    t.is(witness(), before);
    t.is((await listStashes(repository)).length, 1);
  });
}

test("a tree of 10,000 files that is rolled back, or switched, by ten files has ten files touched", async (t) => {
  const { repository, target, commit, directory } = await maintainedStore(t);
  const file = (number: number): string => `${directory}/d${number % 100}/f${number}`;
  for (let number = 0; number < 100; number += 1) mkdirSync(`${directory}/d${number}`);
  for (let number = 0; number < 10_000; number += 1) writeFileSync(file(number), `content ${number}`);
  const first = await commit("first");
  await createRef(repository, branchRef("next"), first, { command: "branch" });
  for (let number = 0; number < 10; number += 1) writeFileSync(file(number * 997), "other");
  await commit("second");
  const stats = (): Map<number, string> => {
    const all = new Map<number, string>();
    for (let number = 0; number < 10_000; number += 1) {
      const { ino, ctimeMs } = lstatSync(file(number));
      all.set(number, `${ino} ${ctimeMs}`);
    }
    return all;
  };
  const before = stats();
  const touched = (): readonly number[] =>
    [...stats()].filter(([number, stat]) => before.get(number) !== stat).map(([number]) => number);
  (await switchBranch(repository, target, branchRef("next"), { command: "switch" })).close();
  const expected = Array.from({ length: 10 }, (_, number) => number * 997);
  t.deepEqual(touched(), expected);
  await undoOperation(repository, { command: "undo" });
  t.deepEqual(touched(), expected);
  (await rollbackTarget(repository, target, first, { command: "rollback" })).close();
  t.deepEqual(touched(), expected);
  t.is(readFileSync(file(997), "utf8"), "content 997");
});

test("an annotated tag keeps its commit; deleted and past its time, gc takes both, and git finds nothing amiss", async (t) => {
  const store = await story(t);
  const { repository, commit, sh } = store;
  const first = await commit("first");
  sh("echo more > etc/more");
  const second = await commit("second");
  await createRef(repository, tagRef("v1"), second, { command: "tag", annotation: "about it" });
  await rollbackTarget(repository, store.target, first, { command: "rollback" }).then(({ close }) => close());
  await store.gc({ age: -1000 });
  t.is(await store.reopened().history.readRef(tagRef("v1")), second);
  t.is((await store.reopened().history.readTag(tagRef("v1")))?.message, "about it");
  const { deleteRefs } = await import("../../../core/operations/branches.js");
  await deleteRefs(repository, [tagRef("v1")], { command: "tag -d" });
  await undoOperation(repository, { command: "undo" });
  t.is((await repository.history.readTag(tagRef("v1")))?.message, "about it");
  await redoOperation(repository, { command: "redo" });
  const { commits } = await store.gc({ age: -1000 });
  t.true(commits.includes(second));
  t.is(store.gitFsck(), "");
});
