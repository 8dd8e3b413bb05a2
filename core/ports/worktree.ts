import type { TreeId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";

/** A tracked directory: the files that a person works on, beside the `.varve` that holds the store. */
export interface Worktree {
  /** Absolute path. */
  readonly path: string;

  /**
   * The directory as it is now, without its `.varve`.
   *
   * @param head The tree of HEAD. What the stat index proves to be unchanged since it was HEAD's is taken from `head`: not
   *   read, and with its digests known.
   */
  openTree(head: Tree, headId: TreeId | undefined): Tree;

  /** Notes that the directory now equals this tree, with the stat of every entry. Called after a commit or `apply`. */
  remember(tree: Tree, id: TreeId): void;

  /**
   * Makes the directory equal to `target`, touching only what differs: first what differs is found, then new contents are
   * written beside, then moved into place. Stopped half-way, `apply` of the same target completes it.
   *
   * @param current What `openTree` gave just now.
   * @throws VarveError PERMISSION when owners, devices or xattrs can't be set, before anything is touched where that can be known.
   */
  apply(current: Tree, target: Tree): void;
}
