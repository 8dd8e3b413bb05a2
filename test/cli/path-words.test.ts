import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { varve } from "./built-command.js";

interface Caller {
  /** @returns Its stdout, once it has ended well. */
  (words: readonly string[], cwd?: string): string;
  readonly status: (words: readonly string[], cwd?: string) => number | null;
}

/** A tracked directory with one commit of `a/x.c`, `a/.h`, `b/deep/y.c`, `b/[z]`, `é.c`, and all of them changed. */
function changedDirectory(t: ExecutionContext): Caller {
  const folder = temporaryDirectory(t);
  const [directory, home] = [path.join(folder, "d"), path.join(folder, "home")];
  [directory, home].forEach((each) => mkdirSync(each));
  const edit = (text: string): void => {
    const script = `mkdir -p a b/deep; for f in a/x.c a/.h b/deep/y.c 'b/[z]' é.c "$(printf '\\377.c')"; do echo ${text} > "$f"; done`;
    execFileSync("sh", ["-ec", script], { cwd: directory });
  };
  const call = (words: readonly string[], cwd = "."): string => {
    const { stdout, stderr, status } = varve(words, { cwd: path.join(directory, cwd), home });
    t.is(status, 0, stderr);
    return stdout;
  };
  const status = (words: readonly string[], cwd = "."): number | null =>
    varve(words, { cwd: path.join(directory, cwd), home }).status;
  call(["init"]);
  edit("one");
  call(["commit", "-m", "one"]);
  edit("three");
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return Object.assign(call, { status });
}

const CASES: readonly (readonly [words: readonly string[], selected: readonly string[], cwd?: string])[] = [
  [["a"], ["/a/.h", "/a/x.c"]],
  [["/b/deep"], ["/b/deep/y.c"]],
  [["**/*.c"], ["/a/x.c", "/b/deep/y.c", "/é.c", "/\ufffd.c"]],
  [["*.c"], ["/é.c", "/\ufffd.c"]],
  [["?.c"], ["/é.c", "/\ufffd.c"]],
  [["b/*"], ["/b/[z]", "/b/deep/y.c"]],
  [["b/[z]"], ["/b/[z]"]],
  [["{a,b}/*.{c,h}"], ["/a/.h", "/a/x.c"]],
  [
    ["@(a|b)", "!**/*.c"],
    ["/a/.h", "/b/[z]"],
  ],
  [
    ["!a", "!b"],
    ["/é.c", "/\ufffd.c"],
  ],
  [["*.c"], ["/a/x.c"], "a"],
  [["../b/deep"], ["/b/deep/y.c"], "a"],
  [["nothing*"], []],
];

test("paths and patterns after -- select in diff and status, from where one stands", (t) => {
  const call = changedDirectory(t);
  for (const [words, selected, cwd] of CASES) {
    const changes = JSON.parse(call(["diff", "--json", "--", ...words], cwd)) as { path: string }[];
    t.deepEqual(
      changes.map((change) => change.path),
      selected,
      words.join(" "),
    );
    const status = JSON.parse(call(["status", "--json", "--", ...words], cwd)) as { changes: unknown };
    t.deepEqual(status.changes, changes);
  }
});

test("no path, and a path that leads out of the tree, are refused, since they would select all of it", (t) => {
  const call = changedDirectory(t);
  const before = call(["status"]);
  for (const [word, cwd] of [
    ["", "."],
    ["..", "."],
    ["../..", "a"],
    ["a/../../b", "."],
    ["/..", "a"],
  ] as const) {
    for (const words of [["restore"], ["diff"], ["export", "HEAD", "-o", "out.tar"]]) {
      t.is(call.status([...words, "--", word], cwd), 2, `${words[0]} -- ${word}`);
    }
  }
  t.is(call(["status"]), before);
  t.true(call(["diff", "--", ".."], "b/deep").includes("/b/"));
});

test("paths and patterns after -- select in log and export", (t) => {
  const call = changedDirectory(t);
  call(["commit", "-m", "three", "--exclude", "nothing"]);
  const log = (...words: string[]): unknown[] => JSON.parse(call(["log", "--json", "--", ...words])) as unknown[];
  t.deepEqual([log("**/*.c").length, log("a").length, log("**/*.none").length], [2, 2, 0]);
  const file = path.join(temporaryDirectory(t), "part.tar");
  call(["export", "HEAD", "-o", file, "--", "a/*.c", "b/deep", "!**/.h"]);
  const listed = execFileSync("tar", ["tf", file], { encoding: "utf8" });
  t.is(listed, "./\na/\na/x.c\nb/\nb/deep/\nb/deep/y.c\n");
});

const STANDING: readonly (readonly [words: readonly string[], cwd: string, selected: readonly string[]])[] = [
  [["diff", "--json", "HEAD", "@", "--", "x.c"], "a", ["/a/x.c"]],
  [["diff", "--json", "--", "/a/x.c"], "b", ["/a/x.c"]],
  [["restore", "-n", "--json", "--", "deep"], "b", ["/b/deep/y.c"]],
];

test("paths after -- count from where one stands in the tracked directory, whatever of its store is meant", (t) => {
  const call = changedDirectory(t);
  for (const [words, cwd, selected] of STANDING) {
    const answer = JSON.parse(call(words, cwd)) as { path: string }[] | { changes: { path: string }[] };
    const changes = "changes" in answer ? answer.changes : answer;
    t.deepEqual(
      changes.map((change) => change.path),
      selected,
      words.join(" "),
    );
  }
});
