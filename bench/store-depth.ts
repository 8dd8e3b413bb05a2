// What a chain's length costs: node build/bench/store-depth.js [--quick] [--directory DIR] [--keep | --use TRACKED]. As root. The rival
// is the same at depth 10. Writes a section of docs/benchmarks.md. --quick makes 600 commits in place of 5,000, and writes nothing; --use takes a
// directory of 5,000 commits that --keep left.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { repositoryAt } from "../cli/open-repository.js";
import type { CommitId } from "../core/model/ids.js";
import { commitTarget } from "../core/operations/commit-target.js";
import { compareTrees } from "../core/trees/compare-trees.js";
import { layerChain } from "../core/layers/layer-chain.js";
import { statusOf } from "../core/operations/status-of.js";
import { findTarget, openCommitTree, type Target } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import { mountImage } from "../overlay/mounts/image-mount.js";
import { MNT_DETACH, unmount } from "../linux/mount.js";
import { initStore } from "../store/init-store.js";
import { storeLayout, type StoreLayout } from "../store/store-layout.js";
import { tableOf, writeReport, type Row } from "./report.js";

const DIRECTORIES = 20;
const FILES = 50;
const ROUNDS = 15;
const SHALLOW = 10;

/** Opened anew for each measurement, as each command does. */
async function open(directory: string, layout: StoreLayout): Promise<{ repository: Repository; target: Target }> {
  const repository = await repositoryAt(layout, { tracked: directory });
  return { repository, target: findTarget(repository, undefined) };
}

function change(directory: string, number: number): void {
  const file = `d${(number * 7) % DIRECTORIES}/f${(number * 13) % FILES}`;
  writeFileSync(path.join(directory, file), `change ${number}\n`.repeat(1 + (number % 600)));
}

function fill(directory: string): void {
  for (let folder = 0; folder < DIRECTORIES; folder += 1) {
    mkdirSync(path.join(directory, `d${folder}`), { recursive: true });
    for (let file = 0; file < FILES; file += 1) {
      writeFileSync(path.join(directory, `d${folder}`, `f${file}`), `${folder} ${file}\n`.repeat(file * 20));
    }
  }
}

/** Ours and the rival's in turn, so that both meet the same weather: medians. */
async function mediansInTurn(ours: () => Promise<number>, rival: () => Promise<number>): Promise<readonly [number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    times[0].push(await ours());
    times[1].push(await rival());
  }
  const [first, second] = times.map((some) => some.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number);
  return [first as number, second as number];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function mountAll(directory: string, layout: StoreLayout, commit: CommitId, into: string): Promise<number> {
  const targets: string[] = [];
  const time = await timed(async () => {
    const { repository } = await open(directory, layout);
    const images = await repository.layers.images(await layerChain(repository.history, commit));
    for (const [index, { path: image, devices }] of images.entries()) {
      const target = path.join(into, String(index));
      mkdirSync(target, { recursive: true });
      mountImage({ kind: "image", image, devices, target });
      targets.push(target);
    }
  });
  for (const target of targets) unmount(target, MNT_DETACH);
  return time;
}

/** `varve mount`, from its start to its end. */
function mountByCommand(layout: StoreLayout, commit: CommitId, into: string): number {
  const target = path.join(into, "command");
  mkdirSync(target, { recursive: true });
  const start = performance.now();
  execFileSync(process.execPath, [path.resolve("dist/varve.js"), "-q", "--store", layout.root, "mount", commit, target]);
  const time = performance.now() - start;
  unmount(target, MNT_DETACH);
  return time;
}

/** A store of some depth. */
interface Subject {
  readonly directory: string;
  readonly layout: StoreLayout;
  readonly commits: readonly CommitId[];
}

/** Each gives milliseconds. */
interface Work {
  readonly command: (at: number) => Promise<number>;
  readonly mount: (at: number) => Promise<number>;
  readonly compare: () => Promise<number>;
  readonly status: () => Promise<number>;
  readonly commit: () => Promise<number>;
}

function workOn({ directory, layout, commits }: Subject, into: string): Work {
  let number = commits.length;
  return {
    command: async (at) => mountByCommand(layout, commits.at(at) as CommitId, into),
    mount: (at) => mountAll(directory, layout, commits.at(at) as CommitId, into),
    compare: () => timed(() => compareWithItself(directory, layout, commits.at(-1))),
    status: () => timed(async () => statusOf(...(await openPair(directory, layout)))),
    commit: () => {
      change(directory, (number += 1));
      return timed(() => commitOne(directory, layout, number));
    },
  };
}

async function compareWithItself(directory: string, layout: StoreLayout, commit: CommitId | undefined): Promise<void> {
  const { repository } = await open(directory, layout);
  const tree = await openCommitTree(repository, commit);
  await compareTrees(tree, tree);
  tree.close();
}

async function openPair(directory: string, layout: StoreLayout): Promise<[Repository, Target]> {
  const { repository, target } = await open(directory, layout);
  return [repository, target];
}

async function commitOne(directory: string, layout: StoreLayout, number: number): Promise<CommitId> {
  const { repository, target } = await open(directory, layout);
  return (await commitTarget(repository, target, { message: `${number}`, command: "commit" })).commit.id;
}

async function rowsOf(deep: Work, shallow: Work, depth: number): Promise<Row[]> {
  const row = async (what: string, ours: () => Promise<number>, rival: () => Promise<number>, limit = 1.5): Promise<Row> => {
    const [one, two] = await mediansInTurn(ours, rival);
    const cells = { ours: milliseconds(one), rival: milliseconds(two) };
    return { what, ...cells, result: `${(one / two).toFixed(2)} ×`, goal: `≤ ${limit} ×`, isMet: one <= limit * two };
  };
  const middle = depth >> 1;
  const [command, mounted] = [(): Promise<number> => shallow.command(-1), (): Promise<number> => shallow.mount(-1)];
  return [
    await row("`varve mount` of the newest commit", () => deep.command(-1), command),
    await row("`varve mount` of one in the middle", () => deep.command(middle), command),
    await row("`varve mount` of the first", () => deep.command(0), command),
    await row("of that, in one process: images of the newest commit found and mounted", () => deep.mount(-1), mounted),
    await row("of one in the middle", () => deep.mount(middle), mounted),
    await row("of the first", () => deep.mount(0), mounted),
    await row("tree of the newest opened and compared with itself", deep.compare, shallow.compare),
    await row("`status` of the tracked directory", deep.status, shallow.status),
    await row("`commit` of one changed file", deep.commit, shallow.commit),
  ];
}

function milliseconds(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(1)} ms`;
}

/** @param depth Commits, each of one changed file. */
async function makeSubject(directory: string, depth: number): Promise<Subject> {
  mkdirSync(directory);
  const layout = storeLayout(initStore(path.join(directory, ".varve")).root);
  fill(directory);
  const commits: CommitId[] = [];
  while (commits.length < depth) {
    change(directory, commits.length);
    commits.push(await commitOne(directory, layout, commits.length));
  }
  return { directory, layout, commits };
}

/** What an earlier run with --keep left. */
async function findSubject(directory: string): Promise<Subject> {
  const layout = storeLayout(path.join(directory, ".varve"));
  const { history } = await repositoryAt(layout, { tracked: directory });
  const commits: CommitId[] = [];
  for (let at = await history.readRef(await history.head()); at !== undefined; at = (await history.readCommit(at)).parents[0]) {
    commits.push(at);
  }
  return { directory, layout, commits: commits.reverse() };
}

const { values: options } = parseArgs({
  options: { quick: { type: "boolean" }, directory: { type: "string" }, keep: { type: "boolean" }, use: { type: "string" } },
});
const depth = options.quick ? 600 : 5000;
const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-depth-"));
process.on("SIGINT", () => process.exit(130));
process.on("exit", () => options.keep || rmSync(folder, { recursive: true, force: true }));
process.stderr.write(
  options.use === undefined ? `bench: making ${depth} commits in ${folder}\n` : `bench: using ${options.use}\n`,
);
const shallow = await makeSubject(path.join(folder, "shallow"), SHALLOW);
const deep = options.use === undefined ? await makeSubject(path.join(folder, "deep"), depth) : await findSubject(options.use);
const mounts = path.join(folder, "mounts");
const rows = await rowsOf(workOn(deep, mounts), workOn(shallow, mounts), deep.commits.length);
rmSync(deep.layout.views, { recursive: true });
const anew = await timed(() => mountAll(deep.directory, deep.layout, deep.commits.at(-1) as CommitId, mounts));
rows.push({
  what: "the newest mounted when `views/` was deleted",
  ours: milliseconds(anew),
  rival: "",
  result: milliseconds(anew),
  goal: "once",
  isMet: true,
});
process.stdout.write(`\n${tableOf(rows)}\n`);
if (!options.quick) writeReport("docs/benchmarks.md", "Any depth", rows, folder);
