import { changeReasons, sameMetadata } from "../model/compare-entries.js";
import type { DirectoryNode, FileNode, OtherNode, TreeNode } from "../model/tree.js";
import { walkTreePair } from "../trees/walk-tree-pair.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

export type Leaf = FileNode | OtherNode;

export function isLeaf(node: TreeNode | undefined): node is Leaf {
  return node !== undefined && !("children" in node);
}

export function asDirectory(node: TreeNode | undefined): DirectoryNode | undefined {
  return node !== undefined && "children" in node ? node : undefined;
}

export function asLeaf(node: TreeNode | undefined): Leaf | undefined {
  return isLeaf(node) ? node : undefined;
}

/** Whether two nodes are known to be the same, with all that stands below. Of directories without digests it is not known. */
export function isKnownSame(a: TreeNode | undefined, b: TreeNode | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const [one, other] = [asDirectory(a), asDirectory(b)];
  if (one === undefined || other === undefined) return one === other && changeReasons(a, b).length === 0;
  return isSameBelow(one, other) && sameMetadata(one.entry, other.entry);
}

export function isSameBelow(a: DirectoryNode, b: DirectoryNode): boolean {
  return a === b || (a.digest !== undefined && a.digest === b.digest);
}

/** The same, looking where digests do not tell. */
export async function isSame(a: TreeNode | undefined, b: TreeNode | undefined): Promise<boolean> {
  const [one, other] = [asDirectory(a), asDirectory(b)];
  if (one === undefined || other === undefined) return isKnownSame(a, b);
  const tree = (root: DirectoryNode): { root: DirectoryNode; close: () => undefined } => ({ root, close: () => undefined });
  for (const { kind, before, after } of walkTreePair(tree(one), tree(other))) {
    if (isTurnDue()) await yieldToSignals();
    if (kind === "leave") continue;
    if (before === undefined || after === undefined || changeReasons(before, after).length > 0) return false;
  }
  return true;
}

/** Whether a node is another than it was, its time and its other names apart: what gets lost when it is deleted. */
export function isModified(before: TreeNode, after: TreeNode): boolean {
  return changeReasons(before, after).some((reason) => reason !== "mtime" && reason !== "link") || hasOtherTarget(before, after);
}

/** `link` tells of a symlink's target, a device's number, and of names. */
function hasOtherTarget({ entry: a }: TreeNode, { entry: b }: TreeNode): boolean {
  if (a.type === "symlink" && b.type === "symlink") return a.target !== b.target;
  return "major" in a && "major" in b && (a.major !== b.major || a.minor !== b.minor);
}
