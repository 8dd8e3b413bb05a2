import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId, ContentDigest, DirectoryDigest } from "../../model/ids.js";
import { joinPath } from "../../model/byte-string.js";
import { nodeAt } from "../../model/paths.js";
import type { Tree, TreeNode } from "../../model/tree.js";
import { selectPlaces, type PathSelection } from "../../paths/path-selection.js";
import type { Repository } from "../../ports/repository.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { openCommitTree } from "../targets.js";

/** Commits whose trees hold one of some paths. */
export interface Holders {
  readonly commits: ReadonlySet<CommitId>;
  /** Contents of the files there, in any of the commits, with their sizes in bytes; empty files have none. */
  readonly contents: ReadonlyMap<ContentDigest, number>;
}

/**
 * Finds them by their layers: a tree is opened where a layer touches the paths alone.
 *
 * @param commits Each after its first parent, which is among them.
 * @param places Not the root.
 */
export async function findHolders(
  repository: Repository,
  commits: Iterable<Commit>,
  places: readonly ByteString[],
): Promise<Holders> {
  const selection = selectPlaces(places);
  const holding = new Set<CommitId>();
  const contents = new ContentsBelow();
  for (const commit of commits) {
    if (isTurnDue()) await yieldToSignals();
    const [parent] = commit.parents;
    const isAsBefore = parent !== undefined && isUntouched(repository, commit, selection);
    if (isAsBefore ? holding.has(parent) : await takeContents(repository, commit.id, places, contents)) holding.add(commit.id);
  }
  return { commits: holding, contents: contents.found };
}

function isUntouched({ layers }: Repository, { layer }: Commit, selection: PathSelection): boolean {
  return layers.changes?.(layer, selection) === false;
}

async function takeContents(
  repository: Repository,
  commit: CommitId,
  places: readonly ByteString[],
  contents: ContentsBelow,
): Promise<boolean> {
  const tree = await openCommitTree(repository, commit);
  try {
    return await takePlaces(tree, places, contents);
  } finally {
    tree.close();
  }
}

async function takePlaces(tree: Tree, places: readonly ByteString[], contents: ContentsBelow): Promise<boolean> {
  const nodes = places.flatMap((place) => nodeAt(tree, place) ?? []);
  for (const node of nodes) await contents.add(node);
  return nodes.length > 0;
}

/** The contents of what stands at some paths of a tree. Its files are read where the tree does not know their digests. */
export async function contentsAt(tree: Tree, places: readonly ByteString[]): Promise<ReadonlyMap<ContentDigest, number>> {
  const contents = new ContentsBelow();
  await takePlaces(tree, places, contents);
  return contents.found;
}

class ContentsBelow {
  readonly found = new Map<ContentDigest, number>();
  readonly #seen = new Set<DirectoryDigest>();

  async add(start: TreeNode): Promise<void> {
    const pending = [start];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (isTurnDue()) await yieldToSignals();
      if ("content" in node && node.content.size > 0) this.found.set(node.content.digest(), node.content.size);
      if (!("children" in node) || (node.digest !== undefined && this.#seen.has(node.digest))) continue;
      if (node.digest !== undefined) this.#seen.add(node.digest);
      for (const [, child] of node.children()) pending.push(child);
    }
  }
}

/**
 * Where a tree holds some contents: one path for each that it has.
 *
 * @param contents Those that are still looked for; what is found is taken out.
 * @param seen Directories that need not be looked into again; those of this tree come to them.
 */
export async function findContents(
  tree: Tree,
  contents: Map<ContentDigest, number>,
  seen: Set<DirectoryDigest> = new Set(),
): Promise<ReadonlyMap<ContentDigest, ByteString>> {
  const sizes = new Set(contents.values());
  const found = new Map<ContentDigest, ByteString>();
  const pending: [ByteString, TreeNode][] = [["" as ByteString, tree.root]];
  for (let next = pending.pop(); next !== undefined && contents.size > 0; next = pending.pop()) {
    const [path, node] = next;
    if (isTurnDue()) await yieldToSignals();
    if ("content" in node && sizes.has(node.content.size) && contents.delete(node.content.digest()))
      found.set(node.content.digest(), path);
    if (!("children" in node) || (node.digest !== undefined && seen.has(node.digest))) continue;
    if (node.digest !== undefined) seen.add(node.digest);
    for (const [name, child] of node.children()) pending.push([joinPath(path, name), child]);
  }
  return found;
}
