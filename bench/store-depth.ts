// What a chain's length costs: node build/bench/store-depth.js [--quick] [--directory DIR]. As root. The rival is the same at depth 10.
// Writes a section of docs/benchmarks.md. --quick makes 600 commits in place of 5,000, and writes nothing.
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

async function median(work: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) times.push(await work());
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
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
  execFileSync(process.execPath, [path.resolve("dist/varve.js"), "--store", layout.root, "mount", commit, target]);
  const time = performance.now() - start;
  unmount(target, MNT_DETACH);
  return time;
}

/** What is measured at a depth, in milliseconds. */
interface Figures {
  readonly command: { readonly newest: number; readonly middle: number; readonly first: number };
  readonly newest: number;
  readonly middle: number;
  readonly first: number;
  readonly compare: number;
  readonly status: number;
  readonly commit: number;
}

async function measure(directory: string, layout: StoreLayout, commits: readonly CommitId[]): Promise<Figures> {
  const into = path.join(path.dirname(directory), "mounts");
  const mounted = (commit: CommitId | undefined): Promise<number> =>
    median(() => mountAll(directory, layout, commit as CommitId, into));
  const byCommand = (at: number): Promise<number> => median(async () => mountByCommand(layout, commits.at(at) as CommitId, into));
  let number = commits.length;
  return {
    command: { newest: await byCommand(-1), middle: await byCommand(commits.length >> 1), first: await byCommand(0) },
    newest: await mounted(commits.at(-1)),
    middle: await mounted(commits[Math.floor(commits.length / 2)]),
    first: await mounted(commits[0]),
    compare: await median(() => timed(() => compareWithItself(directory, layout, commits.at(-1)))),
    status: await median(() => timed(async () => statusOf(...(await openPair(directory, layout))))),
    commit: await median(() => {
      change(directory, (number += 1));
      return timed(() => commitOne(directory, layout, number));
    }),
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

function rowsOf(shallow: Figures, deep: Figures): Row[] {
  const row = (what: string, ours: number, rival: number, limit = 1.5): Row => ({
    what,
    ours: milliseconds(ours),
    rival: milliseconds(rival),
    result: `${(ours / rival).toFixed(2)} ×`,
    goal: `≤ ${limit} ×`,
    isMet: ours <= limit * rival,
  });
  return [
    row("`varve mount` of the newest commit", deep.command.newest, shallow.command.newest),
    row("`varve mount` of one in the middle", deep.command.middle, shallow.command.newest),
    row("`varve mount` of the first", deep.command.first, shallow.command.newest),
    row("of that, in one process: images of the newest commit found and mounted", deep.newest, shallow.newest),
    row("of one in the middle", deep.middle, shallow.newest),
    row("of the first", deep.first, shallow.newest),
    row("tree of the newest opened and compared with itself", deep.compare, shallow.compare),
    row("`status` of the tracked directory", deep.status, shallow.status),
    row("`commit` of one changed file", deep.commit, shallow.commit),
  ];
}

function milliseconds(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${value.toFixed(1)} ms`;
}

const { values: options } = parseArgs({ options: { quick: { type: "boolean" }, directory: { type: "string" } } });
const depth = options.quick ? 600 : 5000;
const folder = mkdtempSync(path.join(options.directory ?? tmpdir(), "varve-depth-"));
const directory = path.join(folder, "tracked");
process.on("SIGINT", () => process.exit(130));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
mkdirSync(directory);
const layout = storeLayout(initStore(path.join(directory, ".varve")).root);
fill(directory);
process.stderr.write(`bench: making ${depth} commits\n`);
const commits: CommitId[] = [];
let shallow: Figures | undefined;
while (commits.length < depth) {
  change(directory, commits.length);
  commits.push(await commitOne(directory, layout, commits.length));
  if (commits.length === SHALLOW) shallow = await measure(directory, layout, commits);
}
const rows = rowsOf(shallow!, await measure(directory, layout, commits));
rmSync(layout.views, { recursive: true });
const anew = await timed(() => mountAll(directory, layout, commits.at(-1) as CommitId, path.join(folder, "mounts")));
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
