import type { ByteString } from "../model/byte-string.js";
import type { TreeId } from "../model/ids.js";
import type { FilteredTree, Tree } from "../model/tree.js";

export interface WorktreeOptions {
  /** Patterns of the command line, each as a line of `.varveignore`. */
  readonly exclude?: readonly ByteString[] | undefined;
  /** Further trees of which no path is ignored: those that the directory is about to be made equal to. */
  readonly tracked?: readonly Tree[];
}

/** A tracked directory: the files that a person works on, beside the `.varve` that holds the store. */
export interface Worktree {
  /** Absolute path. */
  readonly path: string;

  /**
   * The directory as it is now, without its `.varve` and what its `.varveignore` files leave out: docs/ignore.md.
   *
   * @param head The tree of HEAD. What the stat index proves to be unchanged since it was HEAD's is taken from `head`: not
   *   read, and with its digests known. Its paths are never ignored.
   * @throws VarveError INTERRUPTED.
   */
  openTree(head: Tree, headId: TreeId | undefined, options?: WorktreeOptions): Promise<FilteredTree>;

  /** Notes that the directory now equals this tree, with the stat of every entry. Called after a commit or `apply`. */
  remember(tree: Tree, id: TreeId): void;

  /**
   * To be asked before anything is written down that `apply` will do.
   * @throws VarveError CONFLICT when `target` has something else in the place of a directory that holds ignored paths.
   */
  requireApplicable(current: Tree, target: Tree): void;

  /**
   * Makes the directory equal to `target`, touching only what differs: first what differs is found, then new contents are
   * written beside, then moved into place. Stopped half-way, `apply` of the same target completes it.
   *
   * What `current` leaves out is left alone, and so is a directory that holds such a path, even where `target` has none.
   *
   * @param current What `openTree` gave just now.
   * @throws VarveError PERMISSION when owners, devices or xattrs can't be set, before anything is touched where that can be known;
   *   INTERRUPTED before anything is moved, and then all is as it was.
   */
  apply(current: Tree, target: Tree): Promise<void>;
}
