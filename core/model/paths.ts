import { parentPath, textOf, type ByteString } from "./byte-string.js";
import type { DirectoryNode, Tree, TreeNode } from "./tree.js";

/** A path as a person gives it (`/etc/hosts`, `etc//hosts/`, `.`) in the form of this code: no slash at either end, `""` for the root. `..` stays at the root. */
export function normalizePath(path: ByteString): ByteString {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names.join("/") as ByteString;
}

/** A path within a tree for people, absolute. Bytes that are no UTF-8 are lost. */
export function treePathText(path: ByteString): string {
  return `/${textOf(path)}`;
}

/** Whether `path` is one of `places` or stands below one. Without places: yes. */
export function isBelowAny(path: ByteString, places: readonly ByteString[]): boolean {
  return places.length === 0 || places.some((place) => place === "" || path === place || path.startsWith(`${place}/`));
}

/** Whether `path` is in a set or stands below what is: for many places. */
export function isBelowSome(path: ByteString, places: ReadonlySet<ByteString>): boolean {
  if (places.has(path)) return true;
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    if (places.has(path.slice(0, end) as ByteString)) return true;
  }
  return false;
}

/** Those that don't stand below another, in byte order. */
export function topmostPaths(paths: Iterable<ByteString>): readonly ByteString[] {
  const all = new Set(paths);
  return [...all].filter((path) => path === "" || !isBelowSome(parentPath(path), all)).sort();
}

/** The node at a path; symlinks are not followed. `undefined` when there is none. */
export function nodeAt(tree: Tree, path: ByteString): TreeNode | undefined {
  let node: TreeNode | undefined = tree.root;
  if (path === "") return node;
  for (const name of path.split("/")) {
    if (node?.entry.type !== "directory") return undefined;
    node = (node as DirectoryNode).child(name as ByteString);
  }
  return node;
}
