import type { Tree } from "../model/tree.js";

/** Directories outside any store: an import's source, a checkout's destination. */
export interface PlainDirectories {
  /**
   * The directory as it is. Mount points below it are not crossed.
   * @throws VarveError SOURCE_MISSING, SOURCE_UNREADABLE; while reading also SOURCE_CHANGED, UNSUPPORTED.
   */
  openTree(path: string): Tree;

  /**
   * Writes a tree into a directory, which is made when absent.
   * @throws VarveError DESTINATION_NOT_EMPTY, PERMISSION (owners or devices that this user may not make), DISK_FULL.
   */
  writeTree(tree: Tree, path: string): void;
}
