import { execFileSync } from "node:child_process";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import type { CommitId, RefName } from "../../core/model/ids.js";
import { gitHistory } from "../../store/git/git-history.js";
import { initStore } from "../../store/init-store.js";
import { commitDraft } from "../helpers/commit-drafts.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

/** Commits by their parents' numbers: a criss-cross, a merge of three, several heads, two histories. */
const PARENTS: readonly (readonly number[])[] = [
  [],
  [0],
  [0],
  [1, 2],
  [2, 1],
  [3],
  [4],
  [5, 6],
  [5],
  [6],
  [7, 8, 9],
  [],
  [11, 10],
  [10],
  [12, 0],
];
/** Branches, by their commits' numbers; the last one is a tag. */
const HEADS = [14, 13, 9];

async function makeStore(t: ExecutionContext): Promise<{ home: string; store: string }> {
  const home = temporaryDirectory(t);
  const store = path.join(home, "store");
  const history = gitHistory(initStore(store));
  const ids: CommitId[] = [];
  for (const [number, parents] of PARENTS.entries()) {
    const links = parents.map((parent) => ids[parent]!);
    ids.push(await history.writeCommit(commitDraft(number, links, { message: `commit ${number}` })));
  }
  const names = ["refs/heads/main", "refs/heads/side", "refs/tags/v1"] as RefName[];
  await history.updateRefs(names.map((name, index) => ({ name, before: undefined, after: ids[HEADS[index]!]! })));
  return { home, store };
}

/** The graph, and the beginning of each commit's id. */
function shape(text: string): readonly string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/([0-9a-f]{10}).*$/, "$1").trimEnd());
}

const ROWS: readonly (readonly string[])[] = [
  ["--all"],
  ["main"],
  ["--first-parent", "main", "side"],
  ["--all", "-n", "6"],
  ["v1..main"],
  ["main", "^side"],
];

for (const words of ROWS) {
  test(`log --graph ${words.join(" ")} of a store draws what git draws of its repository`, async (t) => {
    const { home, store } = await makeStore(t);
    const git = (format: string): string =>
      execFileSync("git", [`--git-dir=${store}/git`, "log", "--graph", format, ...words], { encoding: "utf8" });
    const ours = (...form: readonly string[]): string =>
      varve(["--store", store, "log", "--graph", ...form, ...words], { cwd: home, home }).stdout;
    t.deepEqual(shape(ours("--oneline")), shape(git("--format=%H")));
    t.deepEqual(commitsOf(ours()), commitsOf(git("--format=commit %H")));
  });
}

/** In order. */
function commitsOf(text: string): readonly string[] {
  return [...text.matchAll(/\*.*?commit ([0-9a-f]{40})/g)].map(([, id]) => id ?? "");
}
