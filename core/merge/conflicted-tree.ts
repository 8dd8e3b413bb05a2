import type { ByteString } from "../model/byte-string.js";
import type { DirectoryEntry } from "../model/entry.js";
import { nodeAt } from "../model/paths.js";
import type { DirectoryNode, Tree, TreeNode } from "../model/tree.js";
import { editedTree, TreeEdits } from "../trees/edited-tree.js";
import type { MergeConflict } from "./conflict.js";
import type { MergedTree } from "./merge-trees.js";
import type { MergedTrees } from "./triple.js";

/** A conflict, and the files beside its path that show what the trees have there. */
export interface ShownConflict extends MergeConflict {
  /** `NAME.ours`, `NAME.theirs`, `NAME.base`: of what there is, and unless the names were taken. In byte order. */
  readonly files: readonly ByteString[];
}

/**
 * A merged tree for a person to finish: each conflict that is no text with markers, nor of properties alone, is shown by files beside its path, where
 * ours stands. Reads the merged trees, which stay open.
 */
export function conflictedTree(merged: MergedTree, trees: MergedTrees): { tree: Tree; conflicts: readonly ShownConflict[] } {
  const edits = new TreeEdits();
  const tree = editedTree(merged.tree, edits);
  const conflicts = merged.conflicts.map((conflict) => ({ ...conflict, files: show(conflict, { tree, edits, trees }) }));
  return { tree, conflicts };
}

const SHOWN: readonly MergeConflict["kind"][] = [
  "content",
  "add/add",
  "delete/modify",
  "directory/file",
  "type",
  "rename/delete",
];

interface Showing {
  readonly tree: Tree;
  readonly edits: TreeEdits;
  readonly trees: MergedTrees;
}

function show(conflict: MergeConflict, { tree, edits, trees }: Showing): readonly ByteString[] {
  if (conflict.isMarked || !SHOWN.includes(conflict.kind) || isOfProperties(conflict)) return [];
  const files: ByteString[] = [];
  for (const side of ["base", "ours", "theirs"] as const) {
    const node = conflict[side];
    // A directory of ours stands in its place, for all to see.
    if (node === undefined || (side === "ours" && "children" in node)) continue;
    const name = freeName(tree, `${conflict.path}.${side}`);
    makeParents(name, { tree, edits, trees });
    edits.set(name, withoutLinks(node));
    if (nodeAt(tree, name) !== undefined) files.push(name);
  }
  return files;
}

/** Two added files may differ in a mode alone. */
function isOfProperties({ disputed }: MergeConflict): boolean {
  return disputed.length > 0 && !disputed.includes("content");
}

function freeName(tree: Tree, wanted: string): ByteString {
  let name = wanted as ByteString;
  for (let number = 1; nodeAt(tree, name) !== undefined; number++) name = `${wanted}.${number}` as ByteString;
  return name;
}

/** The directory of what ours deleted may be gone with it. */
function makeParents(path: ByteString, { tree, edits, trees }: Showing): void {
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    const directory = path.slice(0, at) as ByteString;
    if (nodeAt(tree, directory) !== undefined) continue;
    const former = [trees.theirs, trees.base, trees.ours]
      .map((each) => nodeAt(each, directory))
      .find((node) => node !== undefined);
    if (former !== undefined && "children" in former) edits.setEntry(directory, former.entry);
  }
}

/** A copy shares no inode with what it is a copy of. */
export function withoutLinks(node: TreeNode): TreeNode {
  if ("children" in node) return new UnlinkedDirectory(node);
  const { entry } = node;
  return "content" in node
    ? { entry: node.entry, content: node.content, links: undefined }
    : { entry: entry as never, links: undefined };
}

class UnlinkedDirectory implements DirectoryNode {
  readonly #node: DirectoryNode;

  constructor(node: DirectoryNode) {
    this.#node = node;
  }

  get entry(): DirectoryEntry {
    return this.#node.entry;
  }

  /** It covers links. */
  get digest(): undefined {
    return undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, node] of this.#node.children()) yield [name, withoutLinks(node)];
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#node.child(name);
    return node && withoutLinks(node);
  }
}

/** Where a conflict's versions stand in the trees that were merged. */
export function placeOf({ path, renamed }: Pick<MergeConflict, "path" | "renamed">, side: keyof MergedTrees): ByteString {
  if (renamed === undefined) return path;
  return side === "base" ? renamed.from : (renamed[side] ?? renamed.from);
}
