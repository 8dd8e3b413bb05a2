import type { DirectoryDigest } from "../../core/model/ids.js";
import { DirectoryDigester, linkGroupDigest } from "../../core/model/tree-digest.js";
import type { DirectoryNode, Tree } from "../../core/model/tree.js";

/** A tree whose directories know their digests, as those of commits do. */
export function digestedTree({ root, close }: Tree): Tree {
  return { root: digested(root), close };
}

function digested(directory: DirectoryNode): DirectoryNode {
  return {
    entry: directory.entry,
    get digest() {
      return digestOf(directory);
    },
    *children() {
      for (const [name, node] of directory.children()) yield [name, "children" in node ? digested(node) : node];
    },
    child: (name) => {
      const node = directory.child(name);
      return node !== undefined && "children" in node ? digested(node) : node;
    },
  };
}

function digestOf(directory: DirectoryNode): DirectoryDigest {
  const digester = new DirectoryDigester();
  for (const [name, node] of directory.children()) {
    if ("children" in node) digester.add(name, node.entry, { below: digestOf(node) });
    else
      digester.add(name, node.entry, {
        content: "content" in node ? node.content.digest() : undefined,
        group: node.links && linkGroupDigest(node.links),
      });
  }
  return digester.digest();
}
