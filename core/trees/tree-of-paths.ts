import { joinPath, type ByteString } from "../model/byte-string.js";
import type { DirectoryEntry } from "../model/entry.js";
import type { DirectoryNode, Tree, TreeNode } from "../model/tree.js";
import { withSelectedLinks } from "./select-tree.js";

/**
 * A tree's nodes at certain paths, with the directories that lead to them, and without what else stands in these. Looks at nothing beside them.
 * Closing it is left to the tree's owner.
 */
export function treeOfPaths(tree: Tree, paths: ReadonlySet<ByteString>): Tree {
  const names = new Map<ByteString, Set<ByteString>>();
  for (const path of paths) {
    let place = "" as ByteString;
    for (const name of path.split("/") as ByteString[]) {
      const held = names.get(place) ?? new Set();
      names.set(place, held.add(name));
      place = joinPath(place, name);
    }
  }
  return { root: new PathDirectory(tree.root, "" as ByteString, { names, paths }), close: () => undefined };
}

interface Held {
  readonly names: ReadonlyMap<ByteString, ReadonlySet<ByteString>>;
  readonly paths: ReadonlySet<ByteString>;
}

class PathDirectory implements DirectoryNode {
  readonly #node: DirectoryNode;
  readonly #path: ByteString;
  readonly #held: Held;

  constructor(node: DirectoryNode, path: ByteString, held: Held) {
    this.#node = node;
    this.#path = path;
    this.#held = held;
  }

  get entry(): DirectoryEntry {
    return this.#node.entry;
  }

  /** It may hold less than the directory that it stands for. */
  get digest(): undefined {
    return undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const name of [...(this.#held.names.get(this.#path) ?? [])].sort()) {
      const node = this.child(name);
      if (node !== undefined) yield [name, node];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    const { names, paths } = this.#held;
    if (names.get(this.#path)?.has(name) !== true) return undefined;
    const node = this.#node.child(name);
    if (node === undefined) return undefined;
    if ("children" in node) return new PathDirectory(node, joinPath(this.#path, name), this.#held);
    return withSelectedLinks(node, { has: (path) => paths.has(path), places: undefined });
  }
}
