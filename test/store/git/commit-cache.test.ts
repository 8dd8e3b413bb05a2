import { appendFileSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "ava";
import type { Commit } from "../../../core/model/commit.js";
import { parseCommitId, type CommitId } from "../../../core/model/ids.js";
import { CommitCache } from "../../../store/git/commit-cache.js";
import { commitDraft } from "../../helpers/commit-drafts.js";
import { temporaryDirectory } from "../../helpers/temporary-store.js";

function commit(number: number, changes: Partial<Commit> = {}): Commit {
  const draft = commitDraft(number);
  const id = parseCommitId(`ab${number.toString(16).padStart(38, "0")}`);
  return { ...draft, id, committer: draft.author, config: undefined, origin: undefined, ...changes };
}

const CONFIG_ID = "cd".repeat(20);

test("get() gives back what another process put, and undefined for the rest", (t) => {
  const directory = temporaryDirectory(t);
  const origin = { command: ["sh"], exitCode: 1, durationMilliseconds: 2 };
  const commits = [
    commit(1, { origin, message: "ä\nb" }),
    commit(2, { config: { os: "linux" } }),
    commit(3, { config: { os: "linux" } }),
  ];
  for (const each of commits) new CommitCache(directory).put(each, each.config && CONFIG_ID);
  const cache = new CommitCache(directory);
  t.deepEqual(
    commits.map(({ id }) => cache.get(id)),
    commits,
  );
  t.is(cache.get(commit(4).id), undefined);
  t.is(cache.get(CONFIG_ID as CommitId), undefined);
  t.is(readFileSync(path.join(directory, "cd"), "utf8").match(/linux/g)?.length, 1);
});

test("get() after put() of the same process needs no disk", (t) => {
  const cache = new CommitCache(path.join(temporaryDirectory(t), "absent"));
  cache.put(commit(1, { config: { a: 1 } }), CONFIG_ID);
  t.deepEqual(cache.get(commit(1).id), commit(1, { config: { a: 1 } }));
});

test("a line that is torn, changed or zeroed is no line, and the others can still be read", (t) => {
  const directory = temporaryDirectory(t);
  for (const number of [1, 2, 3]) new CommitCache(directory).put(commit(number), undefined);
  const file = path.join(directory, "ab");
  const whole = readFileSync(file);
  const readable = (): number[] => {
    const cache = new CommitCache(directory);
    return [1, 2, 3].filter((number) => cache.get(commit(number).id) !== undefined);
  };
  t.deepEqual(readable(), [1, 2, 3]);
  writeFileSync(file, whole.toString("latin1").replace("commit 2", "commit 7"));
  t.deepEqual(readable(), [1, 3]);
  writeFileSync(file, whole);
  truncateSync(file, whole.length - 5);
  t.deepEqual(readable(), [1, 2]);
  appendFileSync(file, Buffer.alloc(4096));
  t.deepEqual(readable(), [1, 2]);
  new CommitCache(directory).put(commit(3), undefined);
  // What follows a torn line directly is lost with it, once.
  new CommitCache(directory).put(commit(3), undefined);
  t.deepEqual(readable(), [1, 2, 3]);
});

test("get() of a commit whose config is not there is undefined", (t) => {
  const directory = temporaryDirectory(t);
  new CommitCache(directory).put(commit(1, { config: { a: 1 } }), CONFIG_ID);
  writeFileSync(path.join(directory, "cd"), "");
  t.is(new CommitCache(directory).get(commit(1).id), undefined);
});

test("find() gives the commits that begin with a prefix, and no configs", (t) => {
  const directory = temporaryDirectory(t);
  const other = commit(2, { id: parseCommitId(`${CONFIG_ID.slice(0, 39)}0`), config: { a: 1 } });
  for (const each of [commit(1), other]) new CommitCache(directory).put(each, each.config && CONFIG_ID);
  const cache = new CommitCache(directory);
  t.deepEqual(cache.find("abc"), []);
  t.deepEqual(cache.find("ab00"), [commit(1).id]);
  t.deepEqual(cache.find("cdcd"), [other.id]);
});

test("a shard that is a directory is an empty one", (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(path.join(directory, "ab"));
  const cache = new CommitCache(directory);
  cache.put(commit(1), undefined);
  t.truthy(cache.get(commit(1).id));
  t.deepEqual(readdirSync(path.join(directory, "ab")), []);
});
