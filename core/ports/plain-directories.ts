import type { LayerProgress } from "../model/layer-progress.js";
import type { ByteString } from "../model/byte-string.js";
import type { FilteredTree, Tree, TreeNode } from "../model/tree.js";

/** Directories outside any store: an import's source, a checkout's destination. */
export interface PlainDirectories {
  /**
   * The directory as it is. Mount points below it are not crossed.
   * @param exclude Patterns of what is left out besides what `.varveignore` files in it say, each as a line of such a file.
   * @param readsAll Whether all contents will be read, as for an import: then a thread may read ahead. By default so.
   * @throws VarveError SOURCE_MISSING, SOURCE_UNREADABLE; INTERRUPTED; while reading also SOURCE_CHANGED, UNSUPPORTED.
   */
  openTree(path: string, exclude?: readonly ByteString[], readsAll?: boolean): Promise<FilteredTree>;

  /**
   * The same without a look at anything before it is asked for, with nothing ignored, mount points crossed, and hardlinks told as files of one
   * name each.
   * @throws VarveError SOURCE_MISSING, WRONG_TYPE, SOURCE_UNREADABLE; while reading also SOURCE_CHANGED.
   */
  openUnscanned(path: string): Tree;

  /** As `openTree`, with nothing ignored. */
  openWhole(path: string): Promise<Tree>;

  /**
   * A directory as the root of paths: symlinks in them lead nowhere outside of it, whoever changes what stands there meanwhile.
   * @param isWritten Whether processes may go on to write there: of a file that grows, what it held when it was seen is read.
   * @throws VarveError SOURCE_MISSING, WRONG_TYPE, SOURCE_UNREADABLE.
   */
  openConfined(path: string, isWritten?: boolean): ConfinedRoot;

  /**
   * As `openUnscanned`, with hardlinks told: to find a file's other names the whole directory is searched, once, when the first such file is met. What was seen
   * once is told the same ever after.
   */
  openLinked(path: string): Tree;

  /**
   * Writes a tree into a directory, which is made when absent. When it fails half-way, what it wrote is gone again.
   * @param observe Hears how far it is, now and then.
   * @throws VarveError DESTINATION_NOT_EMPTY, PERMISSION (owners or devices that this user may not make), DISK_FULL, INTERRUPTED.
   */
  writeTree(tree: Tree, path: string, observe?: (progress: LayerProgress) => void): Promise<void>;

  /** Whether `writeTree` could begin, as far as that can be known without writing anything. @throws VarveError as that. */
  requireWritable(tree: Tree, path: string): Promise<void>;
}

/** Paths are seen from the root, without a slash before them. Mount points are crossed. */
export interface ConfinedRoot {
  /**
   * What a path leads to; `undefined` when that is nothing.
   * @param follows Whether a symlink at its end is followed; those before it always are.
   * @throws VarveError SOURCE_UNREADABLE, IO; while reading also SOURCE_CHANGED.
   */
  find(path: ByteString, follows: boolean): FoundNode | undefined;

  /**
   * Puts nodes into a directory, as `cp -a` does: directories that are there stay and get what is put below them, anything else is replaced in one step,
   * and no symlink in the directory is followed.
   * @param directory Its own symlinks are followed.
   * @param nodes The paths of their hardlinks are those below `directory`, as it is given, where they are put.
   * @throws VarveError WRONG_TYPE for a directory in the place of something else, and the other way round; PATH_MISSING without the directory;
   *   PERMISSION, DISK_FULL; what reading the nodes throws. What was put until then stays.
   */
  put(directory: ByteString, nodes: Iterable<readonly [name: ByteString, node: TreeNode]>): Promise<void>;

  close(): void;
}

export interface FoundNode {
  /** Without the other names of a hardlink. */
  readonly node: TreeNode;
  /** Leads to it for as long as it is open. */
  readonly path: string;
  close(): void;
}
