import type { ByteString } from "../model/byte-string.js";
import { nodeAt } from "../model/paths.js";
import type { Tree, TreeNode } from "../model/tree.js";
import { editedTree, groupByPath, TreeEdits } from "../trees/edited-tree.js";
import { asLeaf, type Leaf } from "./compare-nodes.js";
import { placeOf, withoutLinks } from "./conflicted-tree.js";
import type { ConflictRecord } from "./conflict-state.js";
import type { MergedTrees } from "./triple.js";

export interface ResolvingTrees {
  /** What stands there now. */
  readonly live: Tree;
  /** HEAD's. */
  readonly committed: Tree;
  /** The tree of the side that is taken. */
  readonly versions: Tree | undefined;
}

/**
 * A live tree in which conflicts are ended: a side's version stands in place of what is disputed, and the files that showed it are gone.
 *
 * @param side Without one, only these files go.
 * @returns `undefined` when nothing changes.
 */
export function resolvedTree(
  trees: ResolvingTrees,
  chosen: readonly ConflictRecord[],
  side: keyof MergedTrees | undefined,
): Tree | undefined {
  const { live, committed, versions } = trees;
  const edits = new TreeEdits();
  for (const conflict of chosen) {
    for (const file of conflict.files) if (nodeAt(live, file) !== undefined) edits.remove(file);
    if (versions !== undefined && side !== undefined) putVersion(edits, live, conflict, { tree: versions, side });
  }
  if (edits.isEmpty) return undefined;
  const tree = editedTree(live, edits);
  for (const { path } of chosen) removeEmptied(edits, tree, committed, path);
  return tree;
}

interface Versions {
  readonly tree: Tree;
  readonly side: keyof MergedTrees;
}

function putVersion(edits: TreeEdits, live: Tree, conflict: ConflictRecord, versions: Versions): void {
  const { path, kind, disputed } = conflict;
  if (kind === "hardlink") return linkAsIn(edits, live, path, versions.tree);
  const node = nodeAt(versions.tree, placeOf(conflict, versions.side));
  const standing = nodeAt(live, path);
  if (disputed.length > 0 && standing !== undefined && standing.entry.type === node?.entry.type)
    return putDisputed(edits, path, standing, node, disputed);
  // What a side renamed stands where it put it, and nowhere else.
  const place = placeOf(conflict, versions.side);
  const { renamed } = conflict;
  for (const other of [path, renamed?.from, renamed?.ours, renamed?.theirs])
    if (other !== undefined && (other !== place || node === undefined) && nodeAt(live, other) !== undefined) edits.remove(other);
  if (node !== undefined) edits.set(place, withoutLinks(node));
}

/** What stands there, with what is disputed as a side has it. All names of an inode stay names of it. */
function putDisputed(
  edits: TreeEdits,
  path: ByteString,
  standing: TreeNode,
  version: TreeNode,
  disputed: ConflictRecord["disputed"],
): void {
  const source = (what: (typeof disputed)[number]): TreeNode => (disputed.includes(what) ? version : standing);
  const content = source("content");
  const { mtimeSeconds, mtimeNanoseconds } = content.entry;
  const { uid, gid } = source("owner").entry;
  const times = { mtimeSeconds, mtimeNanoseconds };
  const metadata = { mode: source("mode").entry.mode, uid, gid, ...times, xattrs: source("xattr").entry.xattrs };
  if ("children" in standing) return edits.setEntry(path, { ...standing.entry, ...metadata });
  if ("children" in content) return;
  const { links } = standing;
  const group = links && groupByPath(links);
  const entry = { ...content.entry, ...metadata };
  const node = "content" in content ? { entry, content: content.content, links: group } : { entry, links: group };
  for (const name of links?.paths() ?? [path]) edits.set(name, node as Leaf);
}

function linked(node: Leaf, links: Leaf["links"]): Leaf {
  return "content" in node ? { entry: node.entry, content: node.content, links } : { entry: node.entry, links };
}

/** The names that hang together at a path get the inodes that they have in another tree. */
function linkAsIn(edits: TreeEdits, live: Tree, path: ByteString, tree: Tree): void {
  const names = new Set([path]);
  for (const name of names) {
    for (const each of [live, tree]) for (const other of asLeaf(nodeAt(each, name))?.links?.paths() ?? []) names.add(other);
  }
  for (const name of names) {
    const node = asLeaf(nodeAt(tree, name));
    if (node === undefined) continue;
    const kept = node.links?.paths().filter((other) => names.has(other)) ?? [];
    edits.set(name, linked(node, kept.length < 2 ? undefined : groupByPath({ paths: () => kept })));
  }
}

/** Directories that HEAD lacks, and that only held what showed a conflict. */
function removeEmptied(edits: TreeEdits, tree: Tree, committed: Tree, path: ByteString): void {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    const above = path.slice(0, end) as ByteString;
    const directory = nodeAt(tree, above);
    if (directory === undefined) continue;
    if (!("children" in directory) || nodeAt(committed, above) !== undefined || holdsAny(directory)) return;
    edits.remove(above);
  }
}

function holdsAny(directory: TreeNode & { children(): Iterable<unknown> }): boolean {
  for (const _ of directory.children()) return true;
  return false;
}
