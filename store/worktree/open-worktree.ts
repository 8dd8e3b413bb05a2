import path from "node:path";
import type { TreeId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type { Worktree } from "../../core/ports/worktree.js";
import { type Fingerprints, loadFingerprints } from "../change-fingerprint.js";
import { treeOfLiveDirectory } from "../directory/directory-tree.js";
import { type LiveDirectory, openLiveDirectory } from "../directory/live-directory.js";
import { applyTree } from "../directory/write-directory.js";
import { STORE_NAME, type StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { compareStats } from "./compare-stats.js";
import { readStatIndex, type StatIndex, writeStatIndex } from "./stat-index-file.js";
import { adoptTree, distrustRecent, TICK_MILLISECONDS } from "./verify-stats.js";
import { WorktreeNodes } from "./worktree-tree.js";

const EXCLUDED: readonly string[] = [STORE_NAME];

/** A tracked directory. @param directory Absolute. */
export async function openWorktree(directory: string, layout: Pick<StoreLayout, "worktree">): Promise<Worktree> {
  return new IndexedWorktree(directory, path.join(layout.worktree, "index"), await loadFingerprints());
}

interface Scan {
  readonly live: LiveDirectory;
  /** Milliseconds since 1970. */
  readonly began: number;
}

class IndexedWorktree implements Worktree {
  readonly path: string;
  readonly #indexFile: string;
  readonly #fingerprints: Fingerprints;
  /** The scans that trees were made of. */
  readonly #scans = new WeakMap<Tree, Scan>();

  constructor(directory: string, indexFile: string, fingerprints: Fingerprints) {
    this.path = directory;
    this.#indexFile = indexFile;
    this.#fingerprints = fingerprints;
  }

  openTree(head: Tree, headId: TreeId | undefined): Tree {
    const scan = this.#scan();
    const tree = this.#treeOf(scan.live, head, headId);
    this.#scans.set(tree, scan);
    return tree;
  }

  #scan(): Scan {
    const began = Date.now();
    return { live: openLiveDirectory(this.path, { exclude: EXCLUDED }), began };
  }

  #treeOf(live: LiveDirectory, head: Tree, headId: TreeId | undefined): Tree {
    const index = this.#readIndex();
    if (index === undefined) return treeOfLiveDirectory(live);
    const unchanged = compareStats(live.table, index.table);
    // An index of another tree still tells what is in files that have not changed since.
    if (index.tree !== headId) return treeOfLiveDirectory(live);
    return { root: new WorktreeNodes(live, unchanged).root(head.root), close: () => live.close() };
  }

  #readIndex(): StatIndex | undefined {
    return readStatIndex(this.#indexFile, this.#fingerprints);
  }

  remember(tree: Tree, id: TreeId): void {
    const { live, began } = this.#scans.get(tree) ?? this.#scanAnew(tree);
    distrustRecent(live.table, began);
    try {
      writeStatIndex(this.#indexFile, { tree: id, table: live.table }, this.#fingerprints);
    } catch (error) {
      throw systemFailure("write the stat index", error, this.#indexFile);
    }
  }

  /** For a tree that the directory was made equal to. */
  #scanAnew(tree: Tree): Scan {
    // So that what was written last is older than a tick, and can be trusted.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TICK_MILLISECONDS + 5);
    const scan = this.#scan();
    scan.live.close();
    const index = this.#readIndex();
    const unchanged = index === undefined ? undefined : compareStats(scan.live.table, index.table);
    adoptTree(scan.live.table, unchanged, tree.root);
    return scan;
  }

  apply(current: Tree, target: Tree): void {
    applyTree(current, target, this.path, EXCLUDED);
  }
}
