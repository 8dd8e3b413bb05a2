import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { CommitId, RefName } from "../../../../core/model/ids.js";
import { createContainer } from "../../../../core/operations/container-lifecycle.js";
import { squashCommits } from "../../../../core/operations/rewriting/squash-commits.js";
import { findTarget, type Target } from "../../../../core/operations/targets.js";
import { statusOf } from "../../../../core/operations/status-of.js";
import { undoOperation } from "../../../../core/operations/undo-operation.js";
import type { Repository } from "../../../../core/ports/repository.js";
import type { DescribedEntry } from "../../../contracts/described-tree.js";
import { arbitraryTree } from "../../../helpers/arbitrary-tree.js";
import { CONFIGURATION } from "../../../helpers/container-configuration.js";
import { commitDescribed, commitLine, describedTree, firstParents, ROOT, treeIdOf } from "../../../helpers/described-commits.js";
import { maintainedStore } from "../../../helpers/maintained-store.js";
import { memoryRepository } from "../../../helpers/memory-repository.js";
import { trackedRepository } from "../../../helpers/tracked-repository.js";

const MAIN = "refs/heads/main" as RefName;
const LINE = "refs/heads/line" as RefName;
const command = "squash";

const file = (path: string, content: string, more: Partial<DescribedEntry> = {}): DescribedEntry => ({
  path,
  type: "file",
  content,
  ...more,
});
const directory = (path: string): DescribedEntry => ({ path, type: "directory" });

const STORES: Readonly<Record<string, (t: ExecutionContext) => Promise<Repository>>> = {
  memory: async () => memoryRepository(),
  disk: async (t) => (await trackedRepository(t)).repository,
};

/** Versions of a tree, and the path that must not come back when all but the first are squashed. */
const HISTORIES: readonly { why: string; versions: readonly (readonly DescribedEntry[])[] }[] = [
  { why: "a file that came and went", versions: [[], [file("new", "1")], []] },
  { why: "a file of the base that went", versions: [[file("old", "1")], [file("old", "2")], [], [file("other", "3")]] },
  {
    why: "a directory that was replaced by one of the same name",
    versions: [
      [directory("d"), file("d/a", "1"), file("d/b", "2")],
      [],
      [directory("d"), file("d/b", "3")],
      [directory("d"), file("d/b", "3"), file("d/c", "4")],
    ],
  },
  {
    why: "a file that became a directory and a file again",
    versions: [[file("x", "1")], [directory("x"), file("x/y", "2")], [file("x", "1")]],
  },
  {
    why: "a directory that became a file and a directory again",
    versions: [[directory("x"), file("x/y", "2")], [file("x", "1")], [directory("x"), file("x/z", "3")]],
  },
  {
    why: "hard links that parted and joined",
    versions: [
      [file("a", "1"), { path: "b", type: "file", linkTo: "a" }],
      [file("a", "1"), file("b", "1")],
      [file("a", "1"), { path: "c", type: "file", linkTo: "a" }],
    ],
  },
  {
    why: "a large file that was renamed and changed in place",
    versions: [
      [file("a", "x".repeat(300_000))],
      [file("b", "x".repeat(300_000))],
      [file("b", `${"x".repeat(200_000)}y${"x".repeat(99_999)}`, { mode: 0o600 })],
    ],
  },
];

for (const [store, open] of Object.entries(STORES)) {
  for (const { why, versions } of HISTORIES) {
    test(`squashCommits() of ${why} keeps the tree (${store})`, async (t) => {
      const repository = await open(t);
      const above = [...(versions.at(-1) ?? []), file("zz", "above")];
      const ids = await commitLine(repository, LINE, [...versions, above]);
      const [first, last, tip] = [ids[0] as CommitId, ids.at(-2) as CommitId, ids.at(-1) as CommitId];
      const wanted = await describedTree(repository, last);
      const result = await squashCommits(repository, LINE, { from: first, to: last, command });
      t.like(result, { commits: versions.length - 1, replayed: 1, before: tip });
      const { squashed, after } = result!;
      t.deepEqual(await firstParents(repository, after), [after, squashed, first]);
      t.is(await treeIdOf(repository, squashed), await treeIdOf(repository, last));
      t.is(await treeIdOf(repository, after), await treeIdOf(repository, tip));
      t.deepEqual(await describedTree(repository, squashed), wanted);
      t.deepEqual(await describedTree(repository, after), await describedTree(repository, tip));
      t.is((await undoOperation(repository, { command: "undo" })).undone.command, command);
      t.is(await repository.history.readRef(LINE), tip);
    });
  }
}

test("squashCommits() keeps every tree, wherever the range begins and ends", async (t) => {
  const repository = memoryRepository();
  let count = 0;
  const histories = fc.array(arbitraryTree, { minLength: 2, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(histories, fc.nat(), fc.nat(), async (versions, one, other) => {
      const branch = `refs/heads/b${(count += 1)}` as RefName;
      const ids = await commitLine(repository, branch, versions);
      const to = one % ids.length;
      const from = (other % (to + 1)) - 1;
      const trees = await Promise.all(ids.map((id) => describedTree(repository, id)));
      const result = await squashCommits(repository, branch, { from: ids[from], to: ids[to]!, message: "one", command });
      const now = (await firstParents(repository, result!.after)).reverse();
      t.is(now.length, ids.length - (to - from) + 1);
      t.deepEqual(await Promise.all(now.map((id) => describedTree(repository, id))), [
        ...trees.slice(0, from + 1),
        ...trees.slice(to),
      ]);
    }),
    { numRuns: 60 },
  );
});

test("squashCommits() keeps the first author, joins the messages, and keeps the last config, and no process that made one of them", async (t) => {
  const repository = memoryRepository();
  const author = { name: "Ada", email: "ada@example.org", seconds: 900_000_000, offsetMinutes: 60 };
  const first = await commitDescribed(repository, { entries: [file("a", "1")], message: "first" });
  const second = await commitDescribed(repository, {
    parents: [first],
    entries: [file("a", "2")],
    message: "second\n\nmore",
    author,
  });
  const draft = await repository.history.readCommit(second);
  const origin = { command: ["make"], exitCode: 0, durationMilliseconds: 5 };
  const third = await repository.history.writeCommit({
    ...draft,
    parents: [second],
    message: "third",
    config: { os: "linux" },
    origin,
  });
  await repository.history.updateRefs([{ name: MAIN, before: undefined, after: third }]);
  const { squashed } = (await squashCommits(repository, MAIN, { from: first, to: third, command }))!;
  t.like(await repository.history.readCommit(squashed), {
    author,
    message: "second\n\nmore\n\nthird",
    config: { os: "linux" },
    origin: undefined,
    parents: [first],
  });
});

/** main: base, then left and right on it, then their merge, then top. */
async function merged(repository: Repository): Promise<Record<"base" | "left" | "right" | "merge" | "top", CommitId>> {
  const base = await commitDescribed(repository, { entries: [file("a", "1")] });
  const left = await commitDescribed(repository, { parents: [base], entries: [file("a", "1"), file("l", "1")] });
  const right = await commitDescribed(repository, { parents: [base], entries: [file("a", "1"), file("r", "1")] });
  const both = [file("a", "1"), file("l", "1"), file("r", "1")];
  const merge = await commitDescribed(repository, { parents: [left, right], entries: both });
  const top = await commitDescribed(repository, { parents: [merge], entries: [...both, file("t", "1")] });
  await repository.history.updateRefs([{ name: MAIN, before: undefined, after: top }]);
  return { base, left, right, merge, top };
}

test("squashCommits() takes merges that lead from one commit to one, and keeps those above", async (t) => {
  const repository = memoryRepository();
  const { base, merge, top } = await merged(repository);
  const result = (await squashCommits(repository, MAIN, { from: base, to: merge, command }))!;
  t.like(result, { commits: 3, replayed: 1 });
  t.deepEqual((await repository.history.readCommit(result.squashed)).parents, [base]);
  t.is(await treeIdOf(repository, result.after), await treeIdOf(repository, top));
});

test("squashCommits() below a merge keeps the merge's shape", async (t) => {
  const repository = memoryRepository();
  const zero = await commitDescribed(repository, { entries: [] });
  const one = await commitDescribed(repository, { parents: [zero], entries: [file("a", "1")] });
  const two = await commitDescribed(repository, { parents: [one], entries: [file("a", "2")] });
  const side = await commitDescribed(repository, { parents: [two], entries: [file("a", "2"), file("s", "1")] });
  const merge = await commitDescribed(repository, { parents: [two, side], entries: [file("a", "2"), file("s", "1")] });
  await repository.history.updateRefs([{ name: MAIN, before: undefined, after: merge }]);
  const { squashed, after } = (await squashCommits(repository, MAIN, { from: zero, to: two, command }))!;
  const { parents } = await repository.history.readCommit(after);
  t.is(parents[0], squashed);
  t.deepEqual((await repository.history.readCommit(parents[1]!)).parents, [squashed]);
});

const REFUSED: readonly {
  why: string;
  range: (of: Awaited<ReturnType<typeof merged>>) => { from: CommitId | undefined; to: CommitId };
}[] = [
  { why: "has a second way in", range: ({ left, top }) => ({ from: left, to: top }) },
  { why: "has a second way out", range: ({ base, left }) => ({ from: undefined, to: left ?? base }) },
  { why: "runs backwards", range: ({ base, top }) => ({ from: top, to: base }) },
  { why: "is empty", range: ({ top }) => ({ from: top, to: top }) },
];

for (const { why, range } of REFUSED) {
  test(`squashCommits() of a range that ${why} is refused, and nothing moves`, async (t) => {
    const repository = memoryRepository();
    const commits = await merged(repository);
    const error = await t.throwsAsync(squashCommits(repository, MAIN, { ...range(commits), command }), { code: "USAGE" });
    t.regex(error?.message ?? "", /^Cannot squash /);
    t.is(await repository.history.readRef(MAIN), commits.top);
  });
}

test("squashCommits() is refused while a merge is in progress on the branch", async (t) => {
  const { repository, commit, directory: tracked } = await trackedRepository(t);
  for (const text of ["1", "2"]) {
    writeFileSync(path.join(tracked, "a"), text);
    await commit(text);
  }
  repository.inProgress.write("directory", { kind: "merge", commits: [], state: {} });
  const to = (await repository.history.readRef(MAIN))!;
  await t.throwsAsync(squashCommits(repository, MAIN, { from: undefined, to, command }), { code: "IN_PROGRESS" });
});

/** A file that is there between the first commit and the last, in a store that has nothing else. */
async function passingFile(t: ExecutionContext) {
  const store = await maintainedStore(t);
  const at = (name: string): string => path.join(store.directory, name);
  writeFileSync(at("kept"), "k".repeat(9000));
  const first = await store.commit("first");
  writeFileSync(at("passing"), Buffer.alloc(200_000, "passing"));
  writeFileSync(at("added"), Buffer.alloc(50_000, "added"));
  const second = await store.commit("second");
  rmSync(at("passing"));
  const third = await store.commit("third");
  return { ...store, at, first, third, passing: await store.layerOf(second) };
}

async function changes(store: Awaited<ReturnType<typeof passingFile>>, target: Target): Promise<readonly string[]> {
  return (await statusOf(store.reopened(), target)).changes.map(({ path: changed, status }) => `${status} ${changed}`);
}

test("squashCommits() leaves a directory with what is not committed, and gc takes what only the range held", async (t) => {
  const store = await passingFile(t);
  const { repository, at, first, third, passing } = store;
  writeFileSync(at("kept"), "edited");
  const { squashed } = (await squashCommits(store.reopened(), MAIN, { from: first, to: third, command }))!;
  t.deepEqual(await changes(store, store.target), ["M kept"]);
  t.is(readFileSync(at("kept"), "utf8"), "edited");
  t.deepEqual((await store.fsck()).findings, []);
  t.true(repository.layers.has(passing));
  await store.gc();
  t.false(repository.layers.has(passing));
  t.true(repository.layers.has(await store.layerOf(squashed)));
  t.deepEqual((await store.fsck()).findings, []);
  t.is(store.gitFsck(), "");
});

test("squashCommits() leaves a container with what is not committed, on the base that it stands on", async (t) => {
  const store = await passingFile(t);
  const { repository, first, third, passing } = store;
  const web = "refs/heads/web" as RefName;
  const { id } = await createContainer(repository, {
    name: "web",
    commit: third,
    configuration: CONFIGURATION,
    command: "create",
  });
  writeFileSync(path.join(repository.path, "containers", id, "upper.1", "mine"), "mine");
  await squashCommits(store.reopened(), web, { from: first, to: third, command });
  const mine = (await changes(store, findTarget(repository, "web"))).filter((line) => line !== "M ");
  t.deepEqual(mine, ["A mine"]);
  await squashCommits(store.reopened(), MAIN, { from: first, to: third, command });
  await store.gc();
  t.true(repository.layers.has(passing), "the container's base");
  t.deepEqual((await store.fsck()).findings, []);
});

test("squashCommits() tells which tags stand on what it wrote anew", async (t) => {
  const repository = memoryRepository();
  const ids = await commitLine(repository, MAIN, [[ROOT], [file("a", "1")], [file("a", "2")], [file("a", "3")]]);
  const tags = ["v1", "v2", "v3", "v4"].map((name) => `refs/tags/${name}` as RefName);
  await repository.history.updateRefs(tags.map((name, index) => ({ name, before: undefined, after: ids[index] })));
  const { left } = (await squashCommits(repository, MAIN, { from: ids[0], to: ids[2]!, command }))!;
  t.deepEqual(
    left.map(({ name }) => name),
    tags.slice(1),
  );
});
