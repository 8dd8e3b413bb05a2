import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type ExecutionContext } from "ava";
import { temporaryDirectory } from "../helpers/temporary-directory.js";
import { environmentWithVarve } from "./built-command.js";

/** Versions of a file, the last of which is not committed: lines come, go, move and come back. */
const VERSIONS: readonly (readonly string[])[] = [
  ["a", "b", "c", "d", "e", "f", "g", "h"],
  ["a", "B", "c", "d", "e", "f", "g", "h", "i"],
  ["new", "a", "B", "c", "e", "f", "g", "h", "i"],
  ["new", "a", "B", "c", "e", "f", "G", "h", "i", "last"],
  ["new", "a", "B", "own", "e", "f", "G", "h", "b", "i", "last", "own"],
];

interface BothStores {
  readonly git: (...words: readonly string[]) => string;
  readonly varve: (...words: readonly string[]) => string;
}

/** The same history in git and in varve, and the last version uncommitted in the directory that both look at. */
function bothStores(t: ExecutionContext): BothStores {
  const home = temporaryDirectory(t);
  const env = environmentWithVarve(home);
  const cwd = path.join(home, "site");
  mkdirSync(cwd);
  const run =
    (program: string, ...first: readonly string[]) =>
    (...words: readonly string[]): string =>
      execFileSync(program, [...first, ...words], { cwd, env, encoding: "utf8" });
  const git = run("git", `--git-dir=${path.join(home, "git")}`, `--work-tree=${cwd}`);
  const varve = run("varve");
  git("init", "-q");
  varve("init", "-q");
  for (const [number, lines] of VERSIONS.entries()) {
    writeFileSync(path.join(cwd, "file"), lines.map((line) => `${line}\n`).join(""));
    if (number === VERSIONS.length - 1) break;
    git("add", "file");
    git("commit", "-qm", `commit ${number}`);
    varve("commit", "-qm", `commit ${number}`);
  }
  return { git, varve };
}

interface Told {
  readonly line: number;
  readonly subject: string | null;
  readonly text: string;
}

function toldByVarve(text: string): readonly Told[] {
  return (JSON.parse(text) as Told[]).map(({ line, subject, text: content }) => ({ line, subject, text: content }));
}

function toldByGit(porcelain: string): readonly Told[] {
  const lines: Told[] = [];
  let [line, subject, isOwn] = [0, "", false];
  for (const row of porcelain.split("\n")) {
    const header = /^[0-9a-f]{40} \d+ (\d+)/.exec(row);
    if (header !== null) line = Number(header[1]);
    if (row.startsWith("author ")) isOwn = row === "author Not Committed Yet";
    if (row.startsWith("summary ")) subject = row.slice("summary ".length);
    if (row.startsWith("\t")) lines.push({ line, subject: isOwn ? null : subject, text: row.slice(1) });
  }
  return lines;
}

const RANGES: readonly (readonly string[])[] = [
  [],
  ["-L", "4,6"],
  ["-L", "6,4"],
  ["-L", "4,+2"],
  ["-L", "4,-2"],
  ["-L", "2,-9"],
  ["-L", "9,"],
  ["-L", "9"],
  ["-L", ",3"],
  ["-L", "10,100"],
  ["-L", "1,2", "-L", "2,4", "-L", "11,+1"],
  ["-L", "11,+1", "-L", "1,2"],
];

test("blame of a file as it is, whole or some lines, tells what git blame tells", (t) => {
  const { git, varve } = bothStores(t);
  for (const range of RANGES) {
    const shown = range.join(" ");
    const live = toldByVarve(varve("blame", "--json", ...range, "file"));
    t.deepEqual(live, toldByGit(git("blame", "--line-porcelain", ...range, "file")), shown);
    t.true(range.length > 0 || live.some(({ subject }) => subject === null), "some lines are not committed");
  }
  for (const range of RANGES.filter((words) => !words.includes("10,100") && !words.includes("11,+1"))) {
    const committed = toldByVarve(varve("blame", "--json", ...range, "HEAD", "--", "file"));
    t.deepEqual(committed, toldByGit(git("blame", "--line-porcelain", ...range, "HEAD", "--", "file")), range.join(" "));
    t.true(committed.every(({ subject }) => subject !== null));
  }
});
