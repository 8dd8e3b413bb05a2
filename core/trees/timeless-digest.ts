import type { Entry } from "../model/entry.js";
import { DirectoryDigester, treeId } from "../model/tree-digest.js";
import type { DirectoryDigest } from "../model/ids.js";
import type { ByteString } from "../model/byte-string.js";
import type { DirectoryNode, TreeNode } from "../model/tree.js";
import type { Turns } from "../turns.js";
import { isTurnDue } from "../yield-to-signals.js";

/**
 * The digest of what stands at a node, as a tree's, but with every mtime 0 and each hardlink as a file: the same for a checkout of the same
 * files at another time. Reads every file whose digest is not known: 64 hex digits.
 */
export function* timelessDigest(node: TreeNode): Turns<string> {
  const digester = new DirectoryDigester();
  yield* addNode(digester, "" as ByteString, node);
  return treeId(
    timeless({ type: "directory", mode: 0, uid: 0, gid: 0, xattrs: [], mtimeSeconds: 0, mtimeNanoseconds: 0 }),
    digester.digest(),
  );
}

function* addNode(digester: DirectoryDigester, name: ByteString, node: TreeNode): Turns<void> {
  if (isTurnDue()) yield;
  const entry = timeless(node.entry);
  if ("children" in node) return digester.add(name, entry, { below: yield* below(node) });
  if (!("content" in node)) return digester.add(name, entry, {});
  const { content } = node;
  const digest = content.knownDigest ?? (content.digestInTurns === undefined ? content.digest() : yield* content.digestInTurns());
  digester.add(name, entry, { content: digest });
}

function* below(directory: DirectoryNode): Turns<DirectoryDigest> {
  const digester = new DirectoryDigester();
  for (const [name, node] of directory.children()) yield* addNode(digester, name, node);
  return digester.digest();
}

function timeless<Some extends Entry>(entry: Some): Some {
  return { ...entry, mtimeSeconds: 0, mtimeNanoseconds: 0 };
}
