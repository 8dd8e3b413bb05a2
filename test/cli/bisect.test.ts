import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { repositoryAt } from "../../cli/open-repository.js";
import { bytesOfText } from "../../core/model/byte-string.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import { openCommitTree } from "../../core/operations/targets.js";
import { commitTree } from "../../core/layers/commit-tree.js";
import type { DirectoryNode, Tree, TreeNode } from "../../core/model/tree.js";
import { storeLayout } from "../../store/store-layout.js";
import { testIf } from "../helpers/requirements.js";
import { memoryTree } from "../helpers/memory-tree.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve, varve } from "./built-command.js";
import { interrupted } from "./interrupted-command.js";

interface Bisected {
  readonly home: string;
  readonly store: string;
  /** The first is the root of this machine's programs; each other one changes `/n`, and from `culprit` on `/broken` stands. */
  readonly commits: readonly CommitId[];
  run(...words: string[]): ReturnType<typeof varve>;
  json(...words: string[]): Status;
}

interface Status {
  readonly state: string;
  readonly candidate: string | null;
  readonly first: { commit: string; message: string; changes: { path: string; status: string; reasons: string[] }[] } | null;
  readonly undecided: readonly string[];
  readonly tried: readonly { commit: string; verdict: string; exitCode: number; durationMilliseconds: number }[];
}

/** A root with some of its names replaced by others. */
function withFiles(tree: Tree, files: Tree): Tree {
  const added = new Map<string, TreeNode>(files.root.children());
  const root: DirectoryNode = {
    entry: tree.root.entry,
    digest: undefined,
    child: (name) => added.get(name) ?? tree.root.child(name),
    children: () => {
      const names = new Map<string, TreeNode>([...tree.root.children(), ...added]);
      return [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, node]) => [bytesOfText(name), node] as const);
    },
  };
  return { root, close: () => undefined };
}

/** @param count Commits after the root's. @param culprit Number of the first bad one. */
async function bisected(t: ExecutionContext, count: number, culprit: number): Promise<Bisected> {
  const home = temporaryDirectory(t);
  const store = path.join(home, "store");
  const run = (...words: string[]) => varve(["--store", store, ...words], { cwd: home, home });
  const json = (...words: string[]): Status => {
    const { stdout, stderr } = run("bisect", "--json", ...words);
    const last = stdout.trimEnd().split("\n").at(-1) ?? "";
    return last === "" ? (t.fail(stderr) as never) : (JSON.parse(last) as Status);
  };
  execFileSync("make-small-root", ["root"], { cwd: home, env: environmentWithVarve(home) });
  t.is(run("import", "root", "-b", "main", "-m", "base").status, 0);
  const repository = await repositoryAt(storeLayout(store));
  const { history } = repository;
  const first = (await history.readRef("refs/heads/main" as RefName))!;
  const commits = [first];
  const base = await openCommitTree(repository, first);
  let before = base;
  for (let number = 1; number <= count; number += 1) {
    const files = [
      { path: "", type: "directory" as const },
      { path: "n", type: "file" as const, content: `${number}` },
    ];
    const broken = { path: "broken", type: "file" as const, content: "x" };
    const target = withFiles(base, memoryTree(number < culprit ? files : [files[0]!, broken, files[1]!]));
    const commit = await commitTree(repository, {
      parent: commits.at(-1),
      base: before,
      target: async () => target,
      message: `change ${number}`,
    });
    commits.push(commit!.id);
    if (before !== base) before.close();
    before = await openCommitTree(repository, commit!.id);
  }
  await history.updateRefs([{ name: "refs/heads/main" as RefName, before: first, after: commits.at(-1) }]);
  t.teardown(() => [base, before].forEach((tree) => tree.close()));
  return { home, store, commits, run, json };
}

const IS_SOUND = ["sh", "-c", "[ ! -e /broken ]"];

testIf(
  "oci-runtime",
  "erofs",
  "overlay",
)("bisect run finds the first bad of 1,000 commits in 10 steps, and leaves nothing of them", async (t) => {
  const { store, commits, run, json } = await bisected(t, 1000, 338);
  const started = json("start", "main", commits[0]!);
  t.is(started.state, "testing");
  const log = readFileSync(path.join(store, "operations/log"), "utf8");
  const status = json("run", "--", ...IS_SOUND);
  t.is(status.state, "found");
  t.is(status.tried.length, 10);
  t.is(status.first?.commit, commits[338]);
  t.is(status.first?.message, "change 338");
  t.deepEqual(status.first?.changes, [
    { path: "/broken", status: "A", reasons: [] },
    { path: "/n", status: "M", reasons: ["content"] },
  ]);
  t.is(run("ps", "-aq").stdout, "");
  t.is(run("branch").stdout.trim().split("\n").length, 1);
  const after = readFileSync(path.join(store, "operations/log"), "utf8");
  t.is(after.split("\n").length, log.split("\n").length + 1, "one operation for all steps");
  t.deepEqual(
    readdirSync(path.join(store, "containers"), "utf8").filter((name) => /^[0-9a-f]{12}$/.test(name)),
    [],
  );
  t.is(run("undo").status, 0);
  t.is(json().candidate, started.candidate);
});

const small = testIf("oci-runtime", "erofs", "overlay");

small("bisect run reads 125 as skip, 126 and 127 as bad, and tells what is undecided", async (t) => {
  const { commits, run, json } = await bisected(t, 6, 4);
  run("bisect", "start", "main", commits[0]!);
  const none = run("bisect", "run", "--", "sh", "-c", "exit 125");
  t.is(none.status, 1);
  t.deepEqual(
    none.stdout
      .trim()
      .split("\n")
      .map((line) => line.slice(0, 10)),
    [...commits.slice(1)].reverse().map((id) => id.slice(0, 10)),
  );
  t.is(json().state, "undecided");
  t.is(json("good", commits[3]!).state, "undecided");
  t.is(json("bad", commits[4]!).first?.commit, commits[4]);
  run("bisect", "reset");
  run("bisect", "start", "main", commits[0]!);
  t.is(json("run", "--", "sh", "-c", "[ ! -e /broken ] || exit 127").first?.commit, commits[4]);
});

small("bisect run ends with what the command can't tell, and keeps what was found", async (t) => {
  const { commits, run, json } = await bisected(t, 8, 2);
  run("bisect", "start", "main", commits[0]!);
  const aborted = run("bisect", "run", "--", "sh", "-c", "[ -e /broken ] || exit 200; exit 1");
  t.is(aborted.status, 60);
  t.regex(aborted.stderr, /ended with 200/);
  const at = json();
  t.is(at.state, "testing");
  t.is(at.candidate, commits[1]!);
  const misspelt = run("bisect", "run", "--", "tset");
  t.is(misspelt.status, 60);
  t.regex(misspelt.stderr, /"tset".*not found on the good commit/);
  t.is(json().candidate, commits[1]!);
  t.is(run("ps", "-aq").stdout, "");
  t.is(run("undo").status, 0);
  t.is(json().candidate, commits[4]!, "one undo takes the whole run back");
});

small("Ctrl-C in a step of bisect run leaves the state as before that step, and no container", async (t) => {
  const { home, store, commits, run, json } = await bisected(t, 8, 2);
  run("bisect", "start", "main", commits[0]!);
  const script =
    "[ ! -e /broken ] && exit 0; read n < /n; [ $n = 4 ] && exit 1; trap 'exit 0' INT; echo waiting; sleep 60 & wait";
  const words = ["--store", store, "bisect", "run", "--", "sh", "-c", script];
  const { status, stdout } = await interrupted({
    home,
    words,
    signal: "SIGINT",
    when: ({ stdout }) => stdout.includes("waiting"),
  });
  t.is(status, 130, stdout);
  t.is(json().candidate, commits[2]!, "the first step's word stands, the second said nothing");
  t.is(run("ps", "-aq").stdout, "");
  t.is(run("undo").status, 0);
  t.is(json().candidate, commits[4]!);
});

small("bisect refuses what can't be true, a second start, and words without a bisection", async (t) => {
  const { commits, run, json } = await bisected(t, 4, 3);
  const [first, second, third] = commits as [CommitId, CommitId, CommitId];
  const swapped = run("bisect", "start", first, "main");
  t.is(swapped.status, 39);
  t.regex(
    swapped.stderr,
    new RegExp(`Are they swapped\\? Then: varve bisect start ${commits[4]!.slice(0, 12)} ${first.slice(0, 12)}`),
  );
  for (const words of [["good"], ["bad", "main"], ["skip"], ["log"], ["reset"], ["run", "--", "true"], []])
    t.is(run("bisect", ...words).status, 38, words.join(" "));
  t.is(json("start").state, "waiting");
  t.is(run("bisect", "good").status, 2, "no candidate yet");
  t.is(run("bisect", "start", "main", first).status, 37);
  t.is(json("good", second).state, "waiting");
  t.is(run("bisect", "run", "--", "true").status, 2);
  t.is(run("bisect", "bad", first).status, 39, "the good one comes after it");
  t.is(run("bisect", "bad", second).status, 39, "it was called good");
  t.is(json("bad", "main").candidate, third);
  t.is(run("bisect", "good", "nowhere").status, 20);
  t.is(run("bisect", "bad", "main", first).status, 2);
  t.is(run("bisect", "middle").status, 2);
  t.is(run("bisect", "good", "--", "true").status, 2);
  run("bisect", "reset");
  t.is(run("branch", "side", first).status, 0);
  t.is(run("run", "--rm", "-b", "side", "--commit", "side", "--", "sh", "-c", "echo > /side").status, 0);
  t.is(json("start", "main", "side").candidate, first, "the merge base comes first");
  const mended = run("bisect", "run", "--", "sh", "-c", "exit 1");
  t.is(mended.status, 62);
  t.regex(mended.stderr, /the merge base "\w+" is bad/);
  t.is(json().candidate, first, "what contradicts is not kept");
  t.is(json("run", "--", "sh", "-c", "! [ -e /broken ]").state, "found");
});

small("bisect keeps its commits from gc, replays its log, and undo takes each word back", async (t) => {
  const { home, commits, run, json } = await bisected(t, 4, 3);
  run("branch", "keep", commits[1]!);
  t.is(json("start", "main", commits[0]!).candidate, commits[2]!);
  run("bisect", "good");
  t.is(json().candidate, commits[3]!);
  run("undo");
  t.is(json().candidate, commits[2]!);
  const log = run("bisect", "log").stdout;
  execFileSync("tee", ["log"], { cwd: home, input: log, stdio: ["pipe", "ignore", "inherit"] });
  run("branch", "-d", "main");
  t.is(run("gc", "--prune-age", "now").status, 0);
  t.is(json("bad").candidate, commits[1]!);
  run("bisect", "reset");
  t.is(json("replay", "log").candidate, commits[2]!);
  run("bisect", "reset");
  execFileSync("tee", ["log"], { cwd: home, input: "rm -rf /", stdio: ["pipe", "ignore", "inherit"] });
  t.is(run("bisect", "replay", "log").status, 43);
  t.is(run("bisect", "replay", "nothing").status, 40);
});

small(
  "bisect run is told when another command ended the bisection meanwhile, and what a killed one left can be removed",
  async (t) => {
    const { home, store, commits, run } = await bisected(t, 4, 3);
    run("bisect", "start", "main", commits[0]!);
    const words = ["--store", store, "bisect", "run", "--", "sh", "-c", "echo waiting; sleep 4"];
    const reset = { isDone: false };
    const when = ({ stdout }: { readonly stdout: string }): boolean => {
      if (stdout.includes("waiting") && !reset.isDone) reset.isDone = run("bisect", "reset").status === 0;
      return false;
    };
    const { status, stderr } = await interrupted({ home, words, signal: "SIGTERM", when });
    t.is(status, 35, stderr);
    t.regex(stderr, /another command changed the bisection/);
    t.is(run("bisect").status, 38);
    t.is(run("ps", "-aq").stdout, "");
    run("bisect", "start", "main", commits[0]!);
    await interrupted({ home, words, signal: "SIGKILL", when: ({ stdout }) => stdout.includes("waiting") });
    const [left = ""] = run("ps", "-aq").stdout.trim().split("\n");
    t.regex(left, /^[0-9a-f]{12}$/);
    t.is(run("rm", "-f", left).status, 0);
    t.is(run("ps", "-aq").stdout, "");
    t.is(run("undo").status, 0);
    t.is(run("bisect").status, 38, "the removal is no operation: undo took back the start");
  },
);
