import { joinPath, parentPath, type ByteString } from "../model/byte-string.js";
import { nodeAt } from "../model/paths.js";
import type { Tree } from "../model/tree.js";

/** The kernel's own limit (ELOOP). */
const MOST_LINKS = 40;

/**
 * Where a path leads when the tree's root is `/`: without symlinks, and without `..`, which stays at the root. Nothing need be there.
 *
 * @param follows Whether a symlink at its end is followed; those before it always are.
 * @returns `undefined` when links lead round in a circle.
 */
export function resolvePath(tree: Tree, path: ByteString, follows = true): ByteString | undefined {
  const ahead = path.split("/").reverse();
  let here = "" as ByteString;
  let links = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      here = parentPath(here);
      continue;
    }
    const next = joinPath(here, name as ByteString);
    const entry = nodeAt(tree, next)?.entry;
    if (entry?.type !== "symlink" || (!follows && ahead.length === 0)) {
      here = next;
      continue;
    }
    if (++links > MOST_LINKS) return undefined;
    if (entry.target.startsWith("/")) here = "" as ByteString;
    ahead.push(...entry.target.split("/").reverse());
  }
  return here;
}
