import { VarveError } from "../../errors.js";
import { joinPath, parentPath, type ByteString } from "../../model/byte-string.js";
import { normalizePath, treePathText } from "../../model/paths.js";
import type { TreeNode } from "../../model/tree.js";
import { copiedNode, type Owner } from "../../trees/copied-node.js";
import type { CopyRoot, CopySource } from "./staged-root.js";

/** The kernel's own limit (ELOOP). */
const MOST_LINKS = 40;

/** What is copied. */
export interface Copied extends CopySource {
  /** The name that it gets in a directory. */
  readonly name: ByteString;
  /** What stands in a directory, and not the directory itself: `DIR/.`. */
  readonly contents: boolean;
}

/** A path as a person gave it, seen from the root: a slash at its end, or `/.`, says that a directory is meant. */
export interface GivenPath {
  readonly path: ByteString;
  readonly isDirectory: boolean;
  readonly contents: boolean;
  /** For messages. */
  readonly text: string;
}

export function givenPath(word: ByteString, text: string): GivenPath {
  const contents = /(^|\/)\.$/.test(word);
  return { path: normalizePath(word), isDirectory: contents || word.endsWith("/"), contents, text };
}

/** Docker's rules: a symlink is copied itself, unless it is to be followed or a slash says that a directory is meant. @throws VarveError PATH_MISSING, WRONG_TYPE. */
export function findCopied(root: CopyRoot, given: GivenPath, follows: boolean): Copied {
  const { path, text, contents, isDirectory } = given;
  const found = root.find(path, follows || isDirectory);
  if (found === undefined)
    throw new VarveError("PATH_MISSING", `Cannot copy "${text}": there is no such file or directory`, { path: text });
  if (isDirectory && !("children" in found.node)) {
    found.close();
    throw new VarveError("WRONG_TYPE", `Cannot copy "${text}": it is no directory, as its slash says`, { path: text });
  }
  // The root has no name.
  return { ...found, name: nameOf(path), contents: contents || path === "" };
}

/**
 * Puts a copy where docker's rules for DEST say: into a directory that is there, else as DEST itself.
 * @throws VarveError PATH_MISSING, WRONG_TYPE and what `CopyRoot.put` throws.
 */
export async function placeCopy(root: CopyRoot, copied: Copied, given: GivenPath, owner: Owner | undefined): Promise<void> {
  const { node, from = "" as ByteString } = copied;
  const copyAs = (to: ByteString, each: TreeNode, at: ByteString): TreeNode =>
    copiedNode(each, { from: at, to, owner, unstored: true });
  const put = (directory: ByteString, name: ByteString): Promise<void> =>
    root.put(directory, [[name, copyAs(joinPath(directory, name), node, from)]]);
  const there = typeAt(root, given.path);
  if (there === "directory") {
    if (!("children" in node) || !copied.contents) return put(given.path, copied.name);
    const children = function* (): Iterable<readonly [ByteString, TreeNode]> {
      for (const [name, child] of node.children()) yield [name, copyAs(joinPath(given.path, name), child, joinPath(from, name))];
    };
    return root.put(given.path, children());
  }
  const isDirectory = "children" in node;
  if (there !== undefined && (isDirectory || given.isDirectory)) throw noDirectory(given);
  if (there === undefined && given.isDirectory && !isDirectory) throw missing(given.path, given);
  const place = followed(root, given);
  const parent = parentPath(place);
  if (typeAt(root, parent) !== "directory") throw missing(parent, given);
  return put(parent, nameOf(place));
}

/** For what has no name that a directory could be made by. @throws VarveError PATH_MISSING, WRONG_TYPE. */
export function requireDirectory(root: CopyRoot, given: GivenPath): void {
  const there = typeAt(root, given.path);
  if (there === undefined) throw missing(given.path, given);
  if (there !== "directory") throw noDirectory(given);
}

/** Where a symlink at the end of a path leads, though nothing may be there. */
function followed(root: CopyRoot, given: GivenPath): ByteString {
  let { path } = given;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const found = root.find(path, false);
    const entry = found?.node.entry;
    found?.close();
    if (entry?.type !== "symlink") return path;
    // With its `..`, which counts from where symlinks before it lead.
    path = (
      entry.target.startsWith("/") ? entry.target.replace(/^\/+/, "") : joinPath(parentPath(path), entry.target)
    ) as ByteString;
  }
  throw new VarveError("WRONG_TYPE", `Cannot copy to "${given.text}": symlinks lead round in a circle`, { path: given.text });
}

function typeAt(root: CopyRoot, path: ByteString): string | undefined {
  const found = root.find(path, true);
  found?.close();
  return found?.node.entry.type;
}

function nameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1) as ByteString;
}

function missing(path: ByteString, { text }: GivenPath): VarveError {
  const state = `there is no directory "${treePathText(path)}"`;
  return new VarveError("PATH_MISSING", `Cannot copy to "${text}": ${state}`, { path: text, hint: "Make it first." });
}

function noDirectory({ text }: GivenPath): VarveError {
  return new VarveError("WRONG_TYPE", `Cannot copy to "${text}": it is no directory`, { path: text });
}
