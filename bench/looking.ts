// What looking at changes costs: node build/bench/looking.js [--quick] [--directory DIR]. The rival is git, on the same tree. Writes a section of
// docs/benchmarks.md. --quick takes 2,000 files in place of 20,000, and writes nothing.
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { makeTree } from "./make-tree.js";
import { compare } from "./measure.js";
import { tableOf, writeReport, type Row } from "./report.js";

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, directory: { type: "string" } } });
const FILES = options.quick ? 2_000 : 20_000;
const COMMITTED = 100;
const UNCOMMITTED = 10;
const ROUNDS = 15;

const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-looking-"));
process.on("SIGINT", () => process.exit(130));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const environment = { ...process.env, HOME: folder, GIT_AUTHOR_NAME: "b", GIT_AUTHOR_EMAIL: "b@b.invalid" };
Object.assign(environment, { GIT_COMMITTER_NAME: "b", GIT_COMMITTER_EMAIL: "b@b.invalid" });

const tree = path.join(folder, "tree");
const VARVE = `${process.execPath} ${path.resolve("dist/varve.js")}`;
const GIT = `git --git-dir=${folder}/git --work-tree=${tree}`;

process.stderr.write(`bench: making ${FILES} files\n`);
makeTree(tree, FILES);
shell(`git init -q --bare ${folder}/git && echo /.varve > ${folder}/git/info/exclude && ${GIT} config core.bare false`);
shell(`${VARVE} -q init`);
record("first");
change(0, COMMITTED);
record("second");
change(COMMITTED, UNCOMMITTED);

const rows = [
  row(`\`status\`, ${UNCOMMITTED} files changed`, "status", "status --short"),
  row("`diff` of the directory", "diff", "diff --name-status"),
  row(`\`diff\` of two commits that differ in ${COMMITTED} files`, "diff HEAD~1 HEAD", "diff --name-status HEAD~1 HEAD"),
  row("the same as a patch (`-p`)", "diff -p HEAD~1 HEAD", "diff HEAD~1 HEAD"),
];
process.stdout.write(`\n${tableOf(rows)}\n`);
if (!options.quick) writeReport("docs/benchmarks.md", "Looking at changes", rows, folder);

function row(what: string, ours: string, rival: string): Row {
  process.stderr.write(`bench: ${what}\n`);
  const within = (line: string): string => `sh -c 'cd ${tree} && exec ${line}'`;
  const { ourMilliseconds, rivalMilliseconds, ratio } = compare(
    {
      ours: { name: "varve", line: within(`${VARVE} ${ours}`) },
      rival: { name: "git", line: within(`${GIT} ${rival}`) },
      rounds: ROUNDS,
      warmUp: true,
    },
    environment,
  );
  return {
    what: `${what}, ${FILES} files, against git`,
    ours: `${ourMilliseconds.toFixed(0)} ms`,
    rival: `${rivalMilliseconds.toFixed(0)} ms`,
    result: `${ratio.toFixed(2)} ×`,
    goal: "none set",
    isMet: undefined,
  };
}

function record(message: string): void {
  shell(`${GIT} add --all . && ${GIT} commit -q -m ${message}`);
  shell(`${VARVE} -q commit -m ${message}`);
}

/** Appends to so many files that are spread over the tree. */
function change(from: number, count: number): void {
  const files = execFileSync("find", [tree, "-name", "*.txt", "-not", "-path", "*/.varve/*"], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const sorted = files.trimEnd().split("\n").sort();
  const stride = Math.floor(sorted.length / (COMMITTED + UNCOMMITTED));
  for (let index = from; index < from + count; index += 1) appendFileSync(sorted[index * stride] ?? "", "\nchanged\n");
}

function shell(line: string): void {
  execFileSync("sh", ["-c", line], { cwd: tree, env: environment, stdio: ["ignore", "ignore", "inherit"] });
}
