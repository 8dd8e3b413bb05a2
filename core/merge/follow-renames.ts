import { joinPath, type ByteString } from "../model/byte-string.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { FileNode, Tree, TreeNode } from "../model/tree.js";
import { compareTrees } from "../trees/compare-trees.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import type { TreeEdits } from "../trees/edited-tree.js";
import type { MergeConflict, Renamed } from "./conflict.js";
import type { LeafMerge, LeafSides } from "./merge-leaves.js";
import type { MergedTrees, Triple } from "./triple.js";

/** What following renames needs of a merge whose walk is done. */
export interface RenamingMerge {
  readonly trees: MergedTrees;
  readonly edits: TreeEdits;
  /** Shows the edits made so far. */
  readonly result: Tree;
  /** Files that one side has changed and the other no longer has at their path: it may have renamed them. */
  readonly missing: readonly Triple[];
  readonly added: readonly AddedByBoth[];
  /** Files and directories that neither side has any more. */
  readonly gone: readonly { readonly path: ByteString; readonly base: TreeNode }[];
  merge(path: ByteString, sides: LeafSides): Promise<LeafMerge>;
  /** Puts what was merged of a path in its place. */
  put(triple: Triple, merged: LeafMerge, renamed?: Renamed): void;
  deleteModify(triple: Triple): void;
  conflict(triple: Triple, kind: MergeConflict["kind"], details: readonly string[], more?: Partial<MergeConflict>): void;
  note(path: ByteString, text: string): void;
}

/** What both sides added, not alike. */
export interface AddedByBoth {
  readonly triple: Triple;
  readonly sides: LeafSides;
  readonly merged: LeafMerge;
}

interface Moved {
  /** In the base. */
  readonly from: ByteString;
  readonly path: ByteString;
  readonly node: FileNode;
}

/** Of one side. */
interface Renames {
  readonly byOrigin: ReadonlyMap<ByteString, Moved>;
  readonly byPlace: ReadonlyMap<ByteString, Moved>;
}

/**
 * What one side changed follows where the other moved it; what they moved to different places, or one moved and the other deleted, is a conflict.
 * Renames are looked for only where a file that would tell of one is missing: that takes a comparison of the trees.
 */
export async function followRenames(merge: RenamingMerge): Promise<void> {
  const { trees, missing, added, gone } = merge;
  const searched = new RenameSearch(trees);
  for (const triple of missing) {
    if (isTurnDue()) await yieldToSignals();
    if (!(await follow(merge, searched, triple))) merge.deleteModify(triple);
  }
  for (const { triple, sides, merged } of added) {
    if (isTurnDue()) await yieldToSignals();
    if (!(await mergeMovedAlike(merge, searched, triple, sides))) merge.put(triple, merged);
  }
  for (const { path, base } of gone) {
    for (const [name, node] of movableFiles(path, base)) {
      if (isTurnDue()) await yieldToSignals();
      await findMoved(merge, searched, name, node);
    }
  }
}

class RenameSearch {
  readonly #trees: MergedTrees;
  readonly #found = new Map<"ours" | "theirs", Renames>();

  constructor(trees: MergedTrees) {
    this.#trees = trees;
  }

  async of(side: "ours" | "theirs"): Promise<Renames> {
    const known = this.#found.get(side);
    if (known !== undefined) return known;
    const [byOrigin, byPlace] = [new Map<ByteString, Moved>(), new Map<ByteString, Moved>()];
    for (const { status, path, from, after } of await compareTrees(this.#trees.base, this.#trees[side])) {
      if (status !== "R" || from === undefined || !isMovable(after)) continue;
      const moved = { from, path, node: after };
      byOrigin.set(from, moved);
      byPlace.set(path, moved);
    }
    const renames = { byOrigin, byPlace };
    this.#found.set(side, renames);
    return renames;
  }
}

/** Of a file with several names nothing tells which one moved. That two files are empty says nothing. */
function isMovable(node: TreeNode | undefined): node is FileNode {
  return node !== undefined && "content" in node && node.links === undefined && node.content.size > 0;
}

/** @returns Whether the side that no longer has the file has it elsewhere, and the other one's change went there. */
async function follow(merge: RenamingMerge, searched: RenameSearch, triple: Triple): Promise<boolean> {
  const { path, base, ours, theirs } = triple;
  const changed = ours ?? theirs;
  if (!isMovable(base) || !isMovable(changed)) return false;
  const mover = ours === undefined ? "ours" : "theirs";
  const changer = ours === undefined ? "theirs" : "ours";
  const moved = (await searched.of(mover)).byOrigin.get(path);
  if (moved === undefined || nodeAt(merge.trees.base, moved.path) !== undefined) return false;
  if (nodeAt(merge.trees[changer], moved.path) !== undefined) return false;
  // It may stand below what ours has instead of a directory of theirs.
  if (nodeAt(merge.result, moved.path) === undefined) return false;
  const sides = mover === "ours" ? { base, ours: moved.node, theirs: changed } : { base, ours: changed, theirs: moved.node };
  const merged = await merge.merge(moved.path, sides);
  if (mover === "theirs") merge.edits.remove(path);
  merge.put({ path, ...sides }, merged, { from: path, [mover]: moved.path });
  merge.note(moved.path, `${changer} changed it as ${treePathText(path)}, ${mover} renamed it: the change follows`);
  return true;
}

/** Both sides moved a file here: it is what they changed. */
async function mergeMovedAlike(
  merge: RenamingMerge,
  searched: RenameSearch,
  triple: Triple,
  { ours, theirs }: LeafSides,
): Promise<boolean> {
  const { path } = triple;
  if (!isMovable(ours) || !isMovable(theirs)) return false;
  const origin = (await searched.of("ours")).byPlace.get(path)?.from;
  if (origin === undefined || origin !== (await searched.of("theirs")).byPlace.get(path)?.from) return false;
  const base = nodeAt(merge.trees.base, origin);
  if (!isMovable(base)) return false;
  const merged = await merge.merge(path, { base, ours, theirs });
  merge.put({ ...triple, base }, merged, { from: origin, ours: path, theirs: path });
  return true;
}

async function findMoved(merge: RenamingMerge, searched: RenameSearch, path: ByteString, base: FileNode): Promise<void> {
  const [ours, theirs] = [(await searched.of("ours")).byOrigin.get(path), (await searched.of("theirs")).byOrigin.get(path)];
  if (ours === undefined && theirs === undefined) return;
  const { trees } = merge;
  // Where the other side has the file there too, it was copied rather than moved.
  if (ours !== undefined && nodeAt(trees.theirs, ours.path) !== undefined) return;
  if (theirs !== undefined && nodeAt(trees.ours, theirs.path) !== undefined) return;
  const nodes = { base, ours: ours?.node, theirs: theirs?.node };
  const renamed = { from: path, ...(ours && { ours: ours.path }), ...(theirs && { theirs: theirs.path }) };
  if (ours !== undefined && theirs !== undefined) {
    const details = [`renamed to ${treePathText(ours.path)} by ours, to ${treePathText(theirs.path)} by theirs`];
    merge.conflict({ path, ...nodes }, "rename/rename", details, { renamed });
    return;
  }
  const [mover, deleter] = ours === undefined ? ["theirs", "ours"] : ["ours", "theirs"];
  const place = (ours ?? theirs)!.path;
  if (theirs !== undefined) merge.edits.remove(place);
  const details = [`renamed from ${treePathText(path)} by ${mover}, deleted by ${deleter}`];
  merge.conflict({ path: place, ...nodes }, "rename/delete", details, { renamed });
}

function* movableFiles(path: ByteString, node: TreeNode): Generator<readonly [ByteString, FileNode]> {
  const pending: [ByteString, TreeNode][] = [[path, node]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [place, found] = next;
    if (isMovable(found)) yield [place, found];
    if (!("children" in found)) continue;
    for (const [name, child] of found.children()) pending.push([joinPath(place, name), child]);
  }
}
