// npm run bench [-- --million | --quick] [--directory DIR]
//
// Measures what the project promises, as ratios to rivals, and writes docs/benchmarks.md. --quick takes 5,000 files, prints the
// table and writes nothing: it only shows that the benchmark runs.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { makeTree } from "./make-tree.js";
import { compare, peakMemory, type Contender } from "./measure.js";
import { tableOf, writeReport, type Row } from "./report.js";

const { values: options } = parseArgs({
  options: { million: { type: "boolean" }, quick: { type: "boolean" }, directory: { type: "string" } },
});
const FILES = options.million ? 1_000_000 : options.quick ? 5_000 : 100_000;
const ROUNDS = options.million ? 1 : 3;
const START_ROUNDS = options.quick ? 5 : 21;

const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-bench-"));
const at = (name: string): string => path.join(folder, name);
const environment = benchEnvironment();

process.on("SIGINT", () => process.exit(130));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
runBenchmarks();

function runBenchmarks(): void {
  say(`making a tree of ${FILES} files`);
  const size = makeTree(at("tree"), FILES);
  say(`${size.files} files in ${size.directories} directories, ${megabytes(size.bytes)}`);
  const rows = options.million ? [importMemory(1024), importAgainstTar()] : allRows();
  process.stdout.write(`\n${tableOf(rows)}\n`);
  if (!options.quick) writeReport("docs/benchmarks.md", options.million ? "1,000,000 files" : "100,000 files", rows, folder);
}

function allRows(): Row[] {
  const rows = [importAgainstTar(), importAgainstGit(), importMemory(300), statusAgainstGit(), versionAgainstNode()];
  return process.getuid?.() === 0 ? [...rows, containerDiffAgainstNode()] : rows;
}

function importer(): Contender {
  return {
    name: "varve import",
    line: `varve --store ${at("store")} --quiet import ${at("tree")} -b bench -m bench`,
    before: () => {
      varve("--store", at("store"), "init");
    },
    after: () => remove("store"),
  };
}

function importAgainstTar(): Row {
  const rival = { name: "tar", line: `tar cf ${at("tree.tar")} -C ${at("tree")} .`, after: () => remove("tree.tar") };
  return ratioRow("import of the tree, against `tar cf` to one file", importer(), rival, ROUNDS, 2.5);
}

function importAgainstGit(): Row {
  const git = `git --git-dir=${at("git")} --work-tree=${at("tree")}`;
  const rival: Contender = {
    name: "git add, commit",
    line: `sh -c '${git} add --all . && ${git} commit --quiet -m bench'`,
    before: () => makeGit("git"),
    after: () => remove("git"),
  };
  say("git add and commit, against import");
  const { ourMilliseconds, rivalMilliseconds } = compare({ ours: importer(), rival, rounds: 2, warmUp: false }, environment);
  const ratio = rivalMilliseconds / ourMilliseconds;
  return {
    what: "`git add` and `git commit` of the tree, against our import",
    ours: milliseconds(ourMilliseconds),
    rival: milliseconds(rivalMilliseconds),
    result: `git takes ${ratio.toFixed(2)} ×`,
    goal: "≥ 4 ×",
    isMet: ratio >= 4,
  };
}

function importMemory(limitMegabytes: number): Row {
  say("peak memory of import");
  const bytes = peakMemory(importer(), environment, at("peak-memory"));
  const limit = limitMegabytes === 1024 ? 2 ** 30 : limitMegabytes * 1e6;
  return {
    what: "peak memory of import",
    ours: megabytes(bytes),
    rival: "",
    result: megabytes(bytes),
    goal: limitMegabytes === 1024 ? "< 1 GiB" : `< ${limitMegabytes} MB`,
    isMet: bytes < limit,
  };
}

function statusAgainstGit(): Row {
  makeGit("git");
  const git = `git --git-dir=${at("git")} --work-tree=${at("tree")}`;
  shell(`echo /.varve > ${at("git")}/info/exclude && ${git} add --all . && ${git} commit --quiet -m bench`);
  shell(`cd ${at("tree")} && varve init --quiet && varve commit --quiet -m bench`);
  const ours = { name: "varve status", line: `varve status ${at("tree")}` };
  const row = ratioRow(
    "`status` of the unchanged tracked directory, against `git status`",
    ours,
    { name: "git", line: `${git} status` },
    11,
    1.5,
  );
  for (const name of ["git", "tree/.varve"]) remove(name);
  return row;
}

function versionAgainstNode(): Row {
  return ratioRow(
    "`varve --version`, against `node -e 0`",
    { name: "varve", line: "varve --version" },
    node(),
    START_ROUNDS,
    1.3,
  );
}

/** A container on a small root: what is measured is the way to the answer. */
function containerDiffAgainstNode(): Row {
  const store = `--store ${at("store")}`;
  mkdirSync(at("root/usr/bin"), { recursive: true });
  shell(`cp --parents -L /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*') ${at("root")}`);
  shell(`varve ${store} init && varve ${store} --quiet import ${at("root")} -b base -m base`);
  shell(`varve ${store} run --name bench base -- /bin/sh -c 'echo new > /new; echo other > /usr/other'`);
  const ours = { name: "varve diff", line: `varve ${store} diff bench` };
  const row = ratioRow("`varve diff` of a container, against `node -e 0`", ours, node(), START_ROUNDS, 2.5);
  shell(`varve ${store} rm bench`);
  remove("store");
  return row;
}

function node(): Contender {
  return { name: "node", line: "node -e 0" };
}

/** A row whose goal is to take at most `limit` times as long as the rival. */
function ratioRow(what: string, ours: Contender, rival: Contender, rounds: number, limit: number): Row {
  say(what);
  const { ourMilliseconds, rivalMilliseconds, ratio } = compare({ ours, rival, rounds, warmUp: !options.million }, environment);
  const cells = { ours: milliseconds(ourMilliseconds), rival: milliseconds(rivalMilliseconds) };
  return { what, ...cells, result: `${ratio.toFixed(2)} ×`, goal: `≤ ${limit} ×`, isMet: ratio <= limit };
}

function makeGit(name: string): void {
  remove(name);
  shell(
    `git init --quiet --bare ${at(name)} && git --git-dir=${at(name)} config gc.auto 0 && git --git-dir=${at(name)} config core.bare false`,
  );
}

function benchEnvironment(): NodeJS.ProcessEnv {
  const command = path.resolve("dist/varve.js");
  statSync(command);
  mkdirSync(at("bin"));
  symlinkSync(command, at("bin/varve"));
  chmodSync(folder, 0o755);
  const names = { GIT_AUTHOR_NAME: "Bench", GIT_AUTHOR_EMAIL: "bench@varve.invalid" };
  const committer = { GIT_COMMITTER_NAME: "Bench", GIT_COMMITTER_EMAIL: "bench@varve.invalid" };
  const PATH = `${at("bin")}:${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  return { PATH, HOME: folder, LC_ALL: "C", GIT_CONFIG_SYSTEM: "/dev/null", ...names, ...committer };
}

function varve(...words: readonly string[]): void {
  shell(`varve ${words.join(" ")}`);
}

function shell(line: string): void {
  const { status, stderr } = spawnSync("sh", ["-c", line], {
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) throw new TypeError(`\`${line}\` ended with status ${status}: ${stderr}`);
}

function remove(name: string): void {
  rmSync(at(name), { recursive: true, force: true });
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

function milliseconds(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(0)} ms`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
