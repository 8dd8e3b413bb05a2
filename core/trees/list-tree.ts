import { VarveError } from "../errors.js";
import { joinPath, textOf, type ByteString } from "../model/byte-string.js";
import { nodeAt } from "../model/paths.js";
import type { FileNode, Tree, TreeNode } from "../model/tree.js";
import { isDirectory } from "./walk-tree-pair.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

export interface ListedNode {
  readonly path: ByteString;
  readonly node: TreeNode;
}

/**
 * A directory's children, or the node itself when it is none. With `recursive` all that stands below, depth first.
 * @throws VarveError PATH_MISSING.
 */
export function* listTree(tree: Tree, path: ByteString, { recursive }: { readonly recursive: boolean }): Generator<ListedNode> {
  const top = requireNode(tree, path);
  if (!isDirectory(top)) {
    yield { path, node: top };
    return;
  }
  const open = [{ path, children: top.children()[Symbol.iterator]() }];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const step = level.children.next();
    if (step.done === true) {
      open.pop();
      continue;
    }
    const [name, node] = step.value;
    const below = joinPath(level.path, name);
    yield { path: below, node };
    if (recursive && isDirectory(node)) open.push({ path: below, children: node.children()[Symbol.iterator]() });
  }
}

const COPY_BYTES = 256 * 1024;

/** A file's content, in pieces. @throws VarveError PATH_MISSING, WRONG_TYPE. */
export async function readFileAt(tree: Tree, path: ByteString, write: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  const reader = requireFile(tree, path).content.open();
  try {
    for (let position = 0; ;) {
      // A new buffer each time: the sink may hold on to it.
      const buffer = Buffer.allocUnsafe(COPY_BYTES);
      const length = reader.read(buffer, position);
      if (length === 0) break;
      await write(buffer.subarray(0, length));
      position += length;
      if (isTurnDue()) await yieldToSignals();
    }
    reader.verify();
  } finally {
    reader.close();
  }
}

function requireNode(tree: Tree, path: ByteString): TreeNode {
  const node = nodeAt(tree, path);
  if (node !== undefined) return node;
  throw new VarveError("PATH_MISSING", `Cannot find "/${textOf(path)}": no such path in that tree`, { path: `/${textOf(path)}` });
}

function requireFile(tree: Tree, path: ByteString): FileNode {
  const node = requireNode(tree, path);
  if ("content" in node) return node;
  throw new VarveError("WRONG_TYPE", `Cannot read "/${textOf(path)}": it is a ${node.entry.type}, wanted a file`, {
    path: `/${textOf(path)}`,
    hint: node.entry.type === "symlink" ? `It points at "${textOf(node.entry.target)}".` : undefined,
  });
}
