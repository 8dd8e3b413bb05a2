import { VarveError } from "../errors.js";
import type { ByteString } from "../model/byte-string.js";
import { sameMetadata } from "../model/compare-entries.js";
import type { DirectoryEntry } from "../model/entry.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { DirectoryNode, Tree } from "../model/tree.js";
import type { TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { type EntryOf, withDirectoryEntries } from "../trees/directory-entries.js";
import { openCommitTree } from "./targets.js";

/** What is changed of this machine's root: two commits' trees of some paths, and what stands at these now. */
export interface MachineTrees {
  /** The paths that differ between the two, those of renames both. The root directory is none of them. */
  readonly paths: ReadonlySet<ByteString>;
  readonly from: Tree;
  readonly live: Tree;
  /**
   * What the paths are to be. Directories that only lead to them keep what somebody gave them since; where that is what they had in `from`, they get what
   * they have in the other commit, so that their times, too, come back.
   */
  readonly wanted: Tree;
  /** Directories that stay: see `MachineFiles.sharedDirectories`. */
  readonly keep: ReadonlySet<ByteString>;
  close(): void;
}

export type MachineUpdate = Pick<TreeUpdate, "before" | "after">;

export interface MachineTreesOptions {
  /** The change was begun and not ended: directories that lead to its paths may have any time meanwhile. */
  readonly isBegun?: boolean;
}

/** @param update From `before` to `after`. */
export async function openMachineTrees(
  repository: Repository,
  { before, after }: MachineUpdate,
  { isBegun = false }: MachineTreesOptions = {},
): Promise<MachineTrees> {
  const opened: Tree[] = [];
  const close = (): void => opened.forEach((tree) => tree.close());
  try {
    const from = await openCommitTree(repository, before);
    opened.push(from);
    const to = await openCommitTree(repository, after);
    opened.push(to);
    const paths = await changedPaths(from, to);
    const live = repository.machine.openTree(paths);
    opened.push(live);
    const keep = repository.machine.sharedDirectories(paths);
    return { paths, from, live, wanted: withDirectoryEntries(to, leadingAsWanted(paths, { from, live, isBegun })), keep, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function changedPaths(from: Tree, to: Tree): Promise<ReadonlySet<ByteString>> {
  const changes = await compareTrees(from, to);
  const paths = new Set(changes.flatMap((change) => [change.path, ...(change.from === undefined ? [] : [change.from])]));
  paths.delete("" as ByteString);
  return paths;
}

interface Sides {
  readonly from: Tree;
  readonly live: Tree;
  readonly isBegun: boolean;
}

function leadingAsWanted(paths: ReadonlySet<ByteString>, { from, live, isBegun }: Sides): EntryOf {
  const isSame = isBegun ? sameButTime : sameMetadata;
  return (path, node) => {
    if (paths.has(path)) return node.entry;
    const own = directoryAt(live, path)?.entry;
    // One that somebody removed is made again only for what is to stand in it.
    if (own === undefined) return undefined;
    const former = directoryAt(from, path)?.entry;
    return former !== undefined && isSame(own, former) ? node.entry : own;
  };
}

/** A tree of chosen paths with directories that only lead to them as another tree has them, but for what a coming and going name does to their times. */
export function withLeadingOf(tree: Tree, other: Tree, paths: ReadonlySet<ByteString>): Tree {
  return withDirectoryEntries(tree, (path, { entry: own }) => {
    const entry = directoryAt(other, path)?.entry;
    if (paths.has(path) || entry === undefined) return own;
    return isLater(own, entry) && sameButTime(own, entry) ? own : entry;
  });
}

/** The same, times too. */
export function withExactLeadingOf(tree: Tree, other: Tree, paths: ReadonlySet<ByteString>): Tree {
  return withDirectoryEntries(tree, (path, { entry }) => (paths.has(path) ? entry : (directoryAt(other, path)?.entry ?? entry)));
}

function directoryAt(tree: Tree, path: ByteString): DirectoryNode | undefined {
  const node = nodeAt(tree, path);
  return node !== undefined && "children" in node ? node : undefined;
}

function sameButTime(a: DirectoryEntry, b: DirectoryEntry): boolean {
  const { mtimeSeconds, mtimeNanoseconds } = b;
  return sameMetadata({ ...a, mtimeSeconds, mtimeNanoseconds }, b);
}

function isLater(a: DirectoryEntry, b: DirectoryEntry): boolean {
  return a.mtimeSeconds === b.mtimeSeconds ? a.mtimeNanoseconds > b.mtimeNanoseconds : a.mtimeSeconds > b.mtimeSeconds;
}

/**
 * To be asked before anything is written down.
 * @throws VarveError CONFLICT when a path can't be made what it is to be without touching others, or is out of bounds by now.
 */
export function requireWritable(repository: Repository, { paths, live, wanted, keep }: MachineTrees, task: string): void {
  const bounds = repository.machine.bounds();
  for (const path of paths) {
    const bound = bounds.find(({ place }) => path === place || path.startsWith(`${place}/`));
    if (bound !== undefined) throw notWritable(task, path, `${treePathText(bound.place)} ${bound.reason}`);
    for (let slash = path.indexOf("/"); slash !== -1; slash = path.indexOf("/", slash + 1)) {
      const above = path.slice(0, slash) as ByteString;
      const node = paths.has(above) ? undefined : nodeAt(live, above);
      if (node !== undefined && !("children" in node)) throw notWritable(task, above, "it is no directory any more");
    }
    const node = keep.has(path) ? nodeAt(wanted, path) : undefined;
    if (node !== undefined && !("children" in node) && directoryAt(live, path) !== undefined)
      throw notWritable(task, path, "it is a directory now, with other files in it");
  }
}

function notWritable(task: string, path: ByteString, why: string): VarveError {
  const text = treePathText(path);
  return new VarveError("CONFLICT", `Cannot ${task}: of "${text}" on this machine, ${why}`, {
    path: text,
    hint: "Move what stands there elsewhere, then run the command again.",
  });
}
