import { joinPath, type ByteString } from "../model/byte-string.js";
import type { DirectoryEntry } from "../model/entry.js";
import type { DirectoryNode, FileNode, LinkGroup, OtherNode, Tree, TreeNode } from "../model/tree.js";
import type { PathSelection } from "../paths/path-selection.js";

/** A tree's selected paths, with the directories that lead to them. Closing it is left to the tree's owner. */
export function selectTree(tree: Tree, selection: PathSelection): Tree {
  if (selection.places?.length === 0) return tree;
  return { root: new SelectedDirectory(tree.root, "" as ByteString, selection), close: () => undefined };
}

class SelectedDirectory implements DirectoryNode {
  readonly #node: DirectoryNode;
  readonly #path: ByteString;
  readonly #selection: PathSelection;

  constructor(node: DirectoryNode, path: ByteString, selection: PathSelection) {
    this.#node = node;
    this.#path = path;
    this.#selection = selection;
  }

  get entry(): DirectoryEntry {
    return this.#node.entry;
  }

  /** It may hold less than the directory that it stands for. */
  get digest(): undefined {
    return undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, node] of this.#node.children()) {
      const selected = this.#select(name, node);
      if (selected !== undefined) yield [name, selected];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#node.child(name);
    return node && this.#select(name, node);
  }

  #select(name: ByteString, node: TreeNode): TreeNode | undefined {
    const path = joinPath(this.#path, name);
    if (!("children" in node)) return this.#selection.has(path) ? withSelectedLinks(node, this.#selection) : undefined;
    const directory = new SelectedDirectory(node, path, this.#selection);
    return this.#selection.has(path) || directory.holdsAny() ? directory : undefined;
  }

  holdsAny(): boolean {
    for (const _ of this.children()) return true;
    return false;
  }
}

/** A node with those names of its inode that are selected. */
export function withSelectedLinks(node: FileNode | OtherNode, selection: PathSelection): FileNode | OtherNode {
  if (node.links === undefined) return node;
  const links = selectedLinks(node.links, selection);
  return "content" in node ? { entry: node.entry, content: node.content, links } : { entry: node.entry, links };
}

function selectedLinks(links: LinkGroup, selection: PathSelection): LinkGroup | undefined {
  const selected = links.paths().filter((path) => selection.has(path));
  return selected.length < 2 ? undefined : { key: links.key, paths: () => selected };
}
