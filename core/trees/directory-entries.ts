import { joinPath, type ByteString } from "../model/byte-string.js";
import type { DirectoryEntry } from "../model/entry.js";
import type { DirectoryNode, Tree, TreeNode } from "../model/tree.js";

/** @returns `undefined`: the directory is not in the tree, unless something stands in it. */
export type EntryOf = (path: ByteString, node: DirectoryNode) => DirectoryEntry | undefined;

/** A tree in which directories have other properties. Closing it is left to the tree's owner. */
export function withDirectoryEntries(tree: Tree, entryOf: EntryOf): Tree {
  return { root: new DirectoryWithEntry(tree.root, "" as ByteString, entryOf), close: () => undefined };
}

class DirectoryWithEntry implements DirectoryNode {
  readonly #node: DirectoryNode;
  readonly #path: ByteString;
  readonly #entryOf: EntryOf;

  constructor(node: DirectoryNode, path: ByteString, entryOf: EntryOf) {
    this.#node = node;
    this.#path = path;
    this.#entryOf = entryOf;
  }

  get entry(): DirectoryEntry {
    return this.#entryOf(this.#path, this.#node) ?? this.#node.entry;
  }

  /** What stands below may have other properties, too. */
  get digest(): undefined {
    return undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, node] of this.#node.children()) {
      const seen = this.#see(name, node);
      if (seen !== undefined) yield [name, seen];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#node.child(name);
    return node && this.#see(name, node);
  }

  #see(name: ByteString, node: TreeNode): TreeNode | undefined {
    if (!("children" in node)) return node;
    const path = joinPath(this.#path, name);
    const directory = new DirectoryWithEntry(node, path, this.#entryOf);
    return this.#entryOf(path, node) !== undefined || directory.holdsAny() ? directory : undefined;
  }

  holdsAny(): boolean {
    for (const _ of this.children()) return true;
    return false;
  }
}
