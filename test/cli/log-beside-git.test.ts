import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { testIf } from "../helpers/requirements.js";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve } from "./built-command.js";

/** What changes in each commit; `SIDE` and `MAIN` switch branches, `MERGE` joins them. */
const HISTORY: readonly string[] = [
  "printf 'one\\ntwo\\n' > first; echo other > other",
  "SIDE",
  "mkdir sub; mv first sub/moved; printf '\\n\\377\\n' > bytes",
  "echo three >> sub/moved",
  "MAIN",
  "echo more >> other",
  "rm other; echo again > late",
  "MERGE",
  "mv sub/moved last; rmdir sub; rm bytes",
  "echo four >> last; printf '%s' 'no end' > first",
  "rm last",
  "printf 'one\\ntwo\\nthree\\nfour\\n' > last",
];

type Run = (...words: readonly string[]) => string;

/** The same history in a store of varve and a repository of git. */
function parallelHistory(t: ExecutionContext): { readonly varve: Run; readonly git: Run } {
  const home = temporaryDirectory(t);
  const cwd = path.join(home, "site");
  const base = environmentWithVarve(home);
  const run = (program: string, words: readonly string[], time = 0): string => {
    const date = `${1_000_000_000 + time} +0000`;
    const dates = { SOURCE_DATE_EPOCH: String(1_000_000_000 + time), GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const pipes = ["ignore", "pipe", "ignore"] as const;
    return execFileSync(program, words, { cwd, env: { ...base, ...dates }, encoding: "latin1", stdio: [...pipes] });
  };
  const git = (words: readonly string[], time?: number): string =>
    run("git", [`--git-dir=${home}/git`, `--work-tree=${cwd}`, ...words], time);
  mkdirSync(cwd);
  git(["init", "-q", "-b", "main"]);
  appendFileSync(path.join(home, "git/info/exclude"), "/.varve\n");
  run("varve", ["init", "-q"]);
  for (const [number, step] of HISTORY.entries()) {
    const message = `commit ${number}`;
    const time = number * 60;
    if (step === "SIDE" || step === "MAIN") {
      // Both look at one directory, which the first of them makes what it shall be.
      const branch = step === "SIDE" ? ["-c", "side"] : ["main"];
      run("varve", ["switch", "-q", ...branch], time);
      git(["symbolic-ref", "HEAD", `refs/heads/${branch.at(-1) ?? ""}`]);
      git(step === "SIDE" ? ["update-ref", "refs/heads/side", "main"] : ["reset", "-q"]);
      continue;
    }
    if (step === "MERGE") {
      run("varve", ["merge", "-q", "side", "-m", message], time);
      git(["add", "-A"]);
      const tree = git(["write-tree"]).trim();
      const merge = git(["commit-tree", tree, "-p", "main", "-p", "side", "-m", message], time).trim();
      git(["update-ref", "refs/heads/main", merge]);
      continue;
    }
    run("sh", ["-c", step]);
    run("varve", ["commit", "-q", "-m", message], time);
    git(["add", "-A"]);
    git(["commit", "-q", "-m", message], time);
  }
  return { varve: (...words) => run("varve", words), git: (...words) => git(words) };
}

/** What git has no form for, and what it alone tells. */
function comparable(text: string): readonly string[] {
  return text
    .split("\n")
    .filter((line) => !line.includes("# /"))
    .map((line) =>
      line
        .replace(/\* ([| ]*)[0-9a-f]{10} (\([^)]*\) )?commit/, "* $1commit")
        .replace(/ @@ .*/, " @@")
        .trimEnd(),
    );
}

const GIT_PATCH = ["log", "--graph", "-p", "-M100%", "--abbrev=10", "--diff-merges=first-parent"];

testIf("root")("log --graph -p draws what git draws: patches beside the lines of the graph", (t) => {
  const { varve, git } = parallelHistory(t);
  const ours = comparable(varve("log", "--graph", "-p", "--oneline"));
  t.deepEqual(ours, comparable(git(...GIT_PATCH, "--oneline")));
  t.true(ours.some((line) => line.includes("| | rename to sub/moved")));
  t.true(ours.includes("| | +\u00ff"), "bytes are kept");
});

testIf("root")("log --follow names the commits that git names: those of a file's former names, too", (t) => {
  const { varve, git } = parallelHistory(t);
  for (const place of ["last", "first", "other", "late", "bytes", "sub/moved", "nothing"]) {
    const followed = varve("log", "--follow", "--json", "--", place);
    const messages = (JSON.parse(followed) as { readonly message: string }[]).map(({ message }) => message);
    t.deepEqual(messages, git("log", "--follow", "-M100%", "--format=%s", "--", place).split("\n").filter(Boolean), place);
  }
  const names = (JSON.parse(varve("log", "--follow", "--json", "HEAD~2", "--", "last")) as { readonly path: string }[]).map(
    (entry) => entry.path,
  );
  t.deepEqual(names, ["/last", "/last", "/sub/moved", "/sub/moved", "/first"]);
});
