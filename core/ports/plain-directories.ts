import type { ByteString } from "../model/byte-string.js";
import type { FilteredTree, Tree } from "../model/tree.js";

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

  /**
   * Writes a tree into a directory, which is made when absent. When it fails half-way, what it wrote is gone again.
   * @throws VarveError DESTINATION_NOT_EMPTY, PERMISSION (owners or devices that this user may not make), DISK_FULL, INTERRUPTED.
   */
  writeTree(tree: Tree, path: string): Promise<void>;

  /** Whether `writeTree` could begin, as far as that can be known without writing anything. @throws VarveError as that. */
  requireWritable(tree: Tree, path: string): Promise<void>;
}
