// What a path's history costs at 10,000 commits: node build/bench/log-paths.js [--quick] [--keep] [--directory DIR]. As root. The rival is git, on
// a repository of the same shape. Writes a section of docs/benchmarks.md. --quick makes 600 commits, and writes nothing; --keep leaves both.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { repositoryAt } from "../cli/open-repository.js";
import { commitTarget } from "../core/operations/commit-target.js";
import { findTarget } from "../core/operations/targets.js";
import { initStore } from "../store/init-store.js";
import { storeLayout } from "../store/store-layout.js";
import { compare } from "./measure.js";
import { tableOf, writeReport, type Row } from "./report.js";

const DIRECTORIES = 20;
const FILES = 50;
const ROUNDS = 7;
const LIMIT_MILLISECONDS = 1000;
const VARVE = path.resolve("dist/varve.js");

function fileOf(number: number): string {
  return `d${(number * 7) % DIRECTORIES}/f${(number * 13) % FILES}`;
}

function contentOf(number: number): string {
  return `change ${number}\n`.repeat(1 + (number % 40));
}

/** Every file that there is, written before the first commit. */
function firstFiles(): string[] {
  const names = Array.from({ length: DIRECTORIES }, (_, folder) =>
    Array.from({ length: FILES }, (__, file) => `d${folder}/f${file}`),
  );
  return names.flat();
}

async function fillStore(directory: string, depth: number): Promise<void> {
  const layout = storeLayout(initStore(path.join(directory, ".varve")).root);
  for (let folder = 0; folder < DIRECTORIES; folder += 1) mkdirSync(path.join(directory, `d${folder}`));
  for (const file of firstFiles()) writeFileSync(path.join(directory, file), `${file}\n`);
  for (let number = 0; number < depth; number += 1) {
    if (number > 0) writeFileSync(path.join(directory, fileOf(number)), contentOf(number));
    const repository = await repositoryAt(layout, { tracked: directory });
    await commitTarget(repository, findTarget(repository, undefined), { message: `change ${number}`, command: "commit" });
    if (number % 500 === 0) process.stderr.write(`bench: ${number} of ${depth} commits\n`);
  }
}

/** git's own way to make a history in no time; then as `git maintenance` leaves it: packed. */
function fillGit(directory: string, depth: number): void {
  const blob = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const commits = Array.from({ length: depth }, (_, number) => {
    const files = number === 0 ? firstFiles().map((file) => [file, `${file}\n`]) : [[fileOf(number), contentOf(number)]];
    const changes = files.map(([file, content]) => `M 100644 inline ${file}\n${blob(content!)}`).join("");
    return `commit refs/heads/main\ncommitter Bench <b@bench> ${1_700_000_000 + number} +0000\n${blob(`change ${number}`)}${changes}\n`;
  });
  git(directory, ["init", "-q", "-b", "main", "."]);
  git(directory, ["fast-import", "--quiet"], commits.join(""));
  git(directory, ["gc", "-q"]);
}

function git(directory: string, words: readonly string[], input = ""): void {
  const { status, stderr } = spawnSync("git", words, { cwd: directory, input, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new TypeError(`git ${words.join(" ")}: ${stderr}`);
}

function rowOf(what: string, ours: string, rival: string | undefined): Row {
  const { ourMilliseconds, rivalMilliseconds } = compare(
    {
      ours: { name: "varve", line: `node ${VARVE} ${ours}` },
      rival: { name: "git", line: rival ?? "true" },
      rounds: ROUNDS,
      warmUp: true,
    },
    process.env,
  );
  return {
    what,
    ours: milliseconds(ourMilliseconds),
    rival: rival === undefined ? "" : milliseconds(rivalMilliseconds),
    result: milliseconds(ourMilliseconds),
    goal: "< 1 s",
    isMet: ourMilliseconds < LIMIT_MILLISECONDS,
  };
}

function milliseconds(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(0)} ms`;
}

const { values: options } = parseArgs({
  options: { quick: { type: "boolean" }, keep: { type: "boolean" }, directory: { type: "string" } },
});
const depth = options.quick ? 600 : 10_000;
const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-log-paths-"));
process.on("SIGINT", () => process.exit(130));
process.on("exit", () =>
  options.keep ? process.stderr.write(`bench: kept ${folder}\n`) : rmSync(folder, { recursive: true, force: true }),
);
const [tracked, rival] = [path.join(folder, "tracked"), path.join(folder, "git")];
for (const directory of [tracked, rival]) mkdirSync(directory);
await fillStore(tracked, depth);
fillGit(rival, depth);
const store = `--store ${tracked}/.varve`;
const inGit = `git -C ${rival}`;
const cold = performance.now();
spawnSync("node", [VARVE, "--store", `${tracked}/.varve`, "log", "--", "/d3/f9"]);
const coldMilliseconds = performance.now() - cold;
const rows: Row[] = [
  rowOf("`log -- FILE`", `${store} log -- /d3/f9`, `${inGit} log -- d3/f9`),
  rowOf("`log -- DIRECTORY`", `${store} log -- /d3`, `${inGit} log -- d3`),
  rowOf("`log -- PATTERN`", `${store} log -- '**/f9'`, `${inGit} log -- ':(glob)**/f9'`),
  rowOf("`log --oneline`", `${store} log --oneline`, `${inGit} log --oneline`),
  rowOf("`log -n 1`", `${store} log -n 1`, `${inGit} log -n 1`),
  {
    what: "the first `log -- FILE` of all, which reads each layer's names",
    ours: milliseconds(coldMilliseconds),
    rival: "",
    result: milliseconds(coldMilliseconds),
    goal: "once",
    isMet: true,
  },
];
process.stdout.write(`\n${tableOf(rows)}\n`);
if (!options.quick) writeReport("docs/benchmarks.md", "A path's history", rows, folder);
