import type { ByteString } from "../model/byte-string.js";
import type { Tree, TreeNode } from "../model/tree.js";

/** The trees of a merge. */
export interface MergedTrees {
  readonly base: Tree;
  readonly ours: Tree;
  readonly theirs: Tree;
}

/** What they have at one path. */
export interface Triple {
  readonly path: ByteString;
  readonly base: TreeNode | undefined;
  readonly ours: TreeNode | undefined;
  readonly theirs: TreeNode | undefined;
}
