// What a chain's length costs: node build/bench/store-depth.js [COMMITS] [FOLDER]. A folder on tmpfs makes the commits sooner.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import type { CommitId } from "../core/model/ids.js";
import { commitTarget } from "../core/operations/commit-target.js";
import { compareTrees } from "../core/trees/compare-trees.js";
import { layerChain } from "../core/layers/layer-chain.js";
import { statusOf } from "../core/operations/status-of.js";
import { findTarget, openCommitTree, type Target } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import { openContainers } from "../overlay/containers/containers.js";
import { mountImage } from "../overlay/mounts/image-mount.js";
import { MNT_DETACH, unmount } from "../linux/mount.js";
import { openUpperTree } from "../store/directory/upper-tree.js";
import { openDirectories } from "../store/directory/plain-directories.js";
import { gitHistory } from "../store/git/git-history.js";
import { initStore } from "../store/init-store.js";
import { openLayerStore } from "../store/layers/layer-store.js";
import { fileOperationLog } from "../store/operation-log/file-operation-log.js";
import { exclusively } from "../store/store-lock.js";
import { storeLayout, type StoreLayout } from "../store/store-layout.js";
import { tarArchives } from "../store/tar/tar-archives.js";
import { openWorktree } from "../store/worktree/open-worktree.js";

const DIRECTORIES = 20;
const FILES = 50;
const ROUNDS = 5;

/** Opened anew for each measurement, as each command does. */
async function open(directory: string, layout: StoreLayout): Promise<{ repository: Repository; target: Target }> {
  const repository: Repository = {
    path: layout.root,
    layers: openLayerStore(layout),
    history: gitHistory(layout),
    operations: fileOperationLog(layout),
    containers: openContainers({
      directory: layout.containers,
      openUpperTree: (upper, work, base) => openUpperTree({ upper, work, base }),
    }),
    directories: openDirectories(),
    archives: tarArchives,
    worktree: await openWorktree(directory, layout),
    exclusively: (work) => exclusively(layout, work),
  };
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

async function measure(name: string, directory: string, layout: StoreLayout, commits: readonly CommitId[]): Promise<void> {
  const rows: [string, number][] = [];
  const into = path.join(path.dirname(directory), "mounts");
  const middle = commits[Math.floor(commits.length / 2)] as CommitId;
  for (const [what, commit] of [
    ["newest", commits.at(-1)],
    ["middle", middle],
    ["first", commits[0]],
  ] as const) {
    rows.push([`images of the ${what}, first time`, await mountAll(directory, layout, commit as CommitId, into)]);
    rows.push([
      `images of the ${what} found and mounted`,
      await median(() => mountAll(directory, layout, commit as CommitId, into)),
    ]);
  }
  rows.push([
    "tree of the newest opened and compared with itself",
    await median(() =>
      timed(async () => {
        const { repository } = await open(directory, layout);
        const tree = await openCommitTree(repository, commits.at(-1));
        await compareTrees(tree, tree);
        tree.close();
      }),
    ),
  ]);
  rows.push(["status", await median(() => timed(async () => statusOf(...(await openPair(directory, layout)))))]);
  let number = commits.length;
  rows.push([
    "commit of one file",
    await median(() => {
      change(directory, (number += 1));
      return timed(() => commitOne(directory, layout, number));
    }),
  ]);
  for (const [what, milliseconds] of rows) process.stdout.write(`${name}\t${what}\t${milliseconds.toFixed(1)} ms\n`);
}

async function openPair(directory: string, layout: StoreLayout): Promise<[Repository, Target]> {
  const { repository, target } = await open(directory, layout);
  return [repository, target];
}

async function commitOne(directory: string, layout: StoreLayout, number: number): Promise<CommitId> {
  const { repository, target } = await open(directory, layout);
  return (await commitTarget(repository, target, { message: `${number}`, command: "commit" })).commit.id;
}

const depth = Number(process.argv[2] ?? 1000);
const folder = mkdtempSync(path.join(process.argv[3] ?? tmpdir(), "varve-depth-"));
const directory = path.join(folder, "tracked");
try {
  mkdirSync(directory);
  const layout = storeLayout(initStore(path.join(directory, ".varve")).root);
  fill(directory);
  const commits: CommitId[] = [];
  while (commits.length < depth) {
    change(directory, commits.length);
    commits.push(await commitOne(directory, layout, commits.length));
    if (commits.length === 10) await measure("depth 10", directory, layout, commits);
  }
  await measure(`depth ${depth}`, directory, layout, commits);
  rmSync(layout.views, { recursive: true });
  const time = await timed(() => mountAll(directory, layout, commits.at(-1) as CommitId, path.join(folder, "mounts")));
  process.stdout.write(`depth ${depth}\tnewest mounted, views deleted\t${time.toFixed(1)} ms\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
