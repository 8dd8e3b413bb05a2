import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { nodeAt } from "../../core/model/paths.js";
import type { TreeId } from "../../core/model/ids.js";
import { VarveError } from "../../core/errors.js";
import { bytesOfText, textOf, type ByteString } from "../../core/model/byte-string.js";
import type { DirectoryNode, FilteredTree, Tree, TreeNode } from "../../core/model/tree.js";
import { inTurns } from "../../core/turns.js";
import type { Worktree, WorktreeOptions } from "../../core/ports/worktree.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { statAt } from "../../linux/stat.js";
import { type Fingerprints, loadFingerprints } from "../change-fingerprint.js";
import { sourceDateEpoch } from "../clock.js";
import type { DirectoryOpener } from "../directory/directory-opener.js";
import type { IgnoreOptions } from "../directory/ignore-filter.js";
import { GONE, type StatTable, WORD } from "../directory/stat-table.js";
import { LiveDirectory, openDirectoryRoot, scanLiveDirectory, scanLiveDirectoryInTurns } from "../directory/live-directory.js";
import { holdsIgnored } from "../directory/apply-tree.js";
import { applyTree } from "../directory/write-directory.js";
import { scratchPath } from "../scratch.js";
import { STORE_NAME, type StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { ALL_UNCHANGED, compareStats, NONE_UNCHANGED, type Unchanged } from "./compare-stats.js";
import { MovedFiles } from "./moved-files.js";
import { type ProvedIndex, proveStats } from "./prove-stats.js";
import { readStatIndex, type StatIndex, writeStatIndex } from "./stat-index-file.js";
import { adoptTree, distrustRecent, TICK_MILLISECONDS } from "./verify-stats.js";
import { WorktreeNodes } from "./worktree-tree.js";

const EXCLUDED: readonly string[] = [STORE_NAME];

/** A tracked directory. @param directory Absolute. */
export async function openWorktree(directory: string, layout: Pick<StoreLayout, "worktree" | "scratch">): Promise<Worktree> {
  return new IndexedWorktree(directory, layout, await loadFingerprints());
}

interface Scan {
  readonly live: LiveDirectory;
  /** Milliseconds since 1970. */
  readonly began: number;
  /** What the index proves, when there is one; its digests are taken over. */
  readonly unchanged: Unchanged | undefined;
  readonly index: StatTable | undefined;
}

class IndexedWorktree implements Worktree {
  readonly path: string;
  readonly #indexFile: string;
  readonly #layout: Pick<StoreLayout, "scratch">;
  readonly #fingerprints: Fingerprints;
  /** The scans that trees were made of. */
  readonly #scans = new WeakMap<Tree, Scan>();

  constructor(directory: string, layout: Pick<StoreLayout, "worktree" | "scratch">, fingerprints: Fingerprints) {
    this.path = directory;
    this.#indexFile = path.join(layout.worktree, "index");
    this.#layout = layout;
    this.#fingerprints = fingerprints;
  }

  async openTree(head: Tree, headId: TreeId | undefined, { exclude, tracked = [] }: WorktreeOptions = {}): Promise<FilteredTree> {
    const index = this.#readIndex();
    const isOfHead = index !== undefined && index.tree === headId;
    // Rows of an index of another tree are not all tracked, so rules have to be asked about each.
    const ignore = { patterns: exclude, tracked: [head, ...tracked], emptied: true };
    const scan = await this.#scan(index, ignore, isOfHead && tracked.length === 0);
    const tree = treeOf(scan, head, isOfHead);
    this.#scans.set(tree, scan);
    return tree;
  }

  /** @param isTracked Whether all that the index holds is tracked, and nothing more. */
  async #scan(index: StatIndex | undefined, ignore: IgnoreOptions, isTracked: boolean): Promise<Scan> {
    const began = Date.now();
    const opener = openDirectoryRoot(this.path);
    const proved = index && isTracked ? await provedOrClosed(opener, index) : undefined;
    if (index !== undefined && proved?.isComplete) {
      const live = new LiveDirectory(opener, { table: index.table, mounts: [], vanished: 0 });
      return { live, began, unchanged: ALL_UNCHANGED, index: index.table };
    }
    const live = await scanLiveDirectoryInTurns(opener, { exclude: EXCLUDED, proved, ignore });
    return { live, began, unchanged: index && compareStats(live.table, index.table), index: index?.table };
  }

  #readIndex(): StatIndex | undefined {
    return readStatIndex(this.#indexFile, this.#fingerprints);
  }

  remember(tree: Tree, id: TreeId): void {
    const { live, began } = this.#scans.get(tree) ?? this.#scanAnew(tree);
    distrustRecent(live.table, began);
    try {
      writeStatIndex(this.#indexFile, { tree: id, table: live.table }, this.#fingerprints);
    } catch {
      // What was to be remembered is done: without an index, or with an older one, the next command reads more.
    }
  }

  /** For a tree that the directory was made equal to. */
  #scanAnew(tree: Tree): Scan {
    // So that what was written last is older than a tick, and can be trusted.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TICK_MILLISECONDS + 5);
    const index = this.#readIndex();
    const began = Date.now();
    const ignore = { tracked: [tree], emptied: true };
    // Not in turns: all is done, and a signal that comes now has nothing left to end.
    const live = scanLiveDirectory(openDirectoryRoot(this.path), { exclude: EXCLUDED, ignore });
    live.close();
    const unchanged = index && compareStats(live.table, index.table);
    adoptTree(live.table, unchanged, tree.root);
    return { live, began, unchanged, index: index?.table };
  }

  requireApplicable(current: Tree, target: Tree): void {
    const live = this.#scans.get(current)?.live;
    if (live === undefined) return;
    for (const directory of directoriesWithIgnored(live.table)) {
      const node = nodeAt(target, directory);
      if (node !== undefined && !("children" in node)) throw holdsIgnored(directory);
    }
    for (const place of live.mounts) requireMountStays(place, nodeAt(current, place), nodeAt(target, place));
  }

  async apply(current: Tree, target: Tree): Promise<void> {
    const live = this.#scans.get(current)?.live;
    const keep = live && directoriesWithIgnored(live.table);
    const scratch = scratchPath(this.#layout, "tree");
    const staging = this.#stagingAt(scratch);
    try {
      const options = { exclude: EXCLUDED, keep, mounts: new Set(live?.mounts), staging };
      await inTurns(applyTree(current, target, this.path, options));
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  /** @returns The scratch directory's path below this one; `undefined` where the store is elsewhere, or on another filesystem. */
  #stagingAt(scratch: string): ByteString | undefined {
    const below = path.relative(this.path, scratch);
    if (below.startsWith("..")) return undefined;
    try {
      mkdirSync(scratch, { mode: 0o700 });
      const [here, there] = [this.path, scratch].map((place) => statAt(AT_FDCWD, bytesOfText(place)));
      return here?.mountId === there?.mountId ? bytesOfText(below) : undefined;
    } catch (error) {
      throw systemFailure("make room for new files", error, scratch);
    }
  }
}

async function provedOrClosed(opener: DirectoryOpener, index: StatIndex): Promise<ProvedIndex> {
  try {
    return await proveStats(opener, index);
  } catch (error) {
    opener.close();
    throw systemFailure("read the tracked directory", error);
  }
}

/** @param isOfHead Whether the index describes `head`. Of another tree it still tells what is in files that have not changed since. */
function treeOf({ live, unchanged = NONE_UNCHANGED, index }: Scan, head: Tree, isOfHead: boolean): FilteredTree {
  const known = isOfHead ? unchanged : { ...NONE_UNCHANGED, hadIgnored: unchanged.hadIgnored };
  const isReproducible = sourceDateEpoch() !== undefined;
  const moved = isOfHead && index !== undefined ? new MovedFiles(live.table, index, head, isReproducible) : undefined;
  return {
    root: new WorktreeNodes(live, known, moved).root(head.root),
    ignored: live.table.ignoredInAll(),
    get mounts() {
      return live.mounts;
    },
    vanishing: () => live.vanishing(),
    close: () => live.close(),
  };
}

/** What is mounted on hides what a commit may hold there, and neither can be replaced. @throws VarveError CONFLICT. */
function requireMountStays(place: ByteString, before: TreeNode | undefined, after: TreeNode | undefined): void {
  const isHere = before !== undefined && "children" in before;
  // A directory that is empty in the target, too, is left alone; what is no directory is not in the current tree.
  if (isHere ? after !== undefined && "children" in after && isEmpty(after) : after === undefined) return;
  const text = textOf(place);
  throw new VarveError("CONFLICT", `Cannot change "/${text}": something is mounted on it, and the commit has something else`, {
    path: `/${text}`,
    hint: "Unmount it, then run the command again.",
  });
}

function isEmpty(directory: DirectoryNode): boolean {
  for (const _ of directory.children()) return false;
  return true;
}

/** Paths of directories with something ignored at any depth. */
function directoriesWithIgnored(table: StatTable): ReadonlySet<ByteString> {
  const paths = new Set<ByteString>();
  for (let row = 0; row < table.length; row++) {
    if (table.ignored(row) === 0 || table.hasFlag(row, GONE)) continue;
    for (let above = row; above !== 0; above = table.word(above, WORD.parent)) paths.add(table.path(above));
  }
  return paths;
}
