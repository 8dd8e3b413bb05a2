import type { ByteString } from "../model/byte-string.js";
import type { Tree } from "../model/tree.js";
import { selectPlaces } from "../paths/path-selection.js";
import { replaceSelected } from "./replace-selected.js";

/**
 * A tree without some paths and what stands below them; all else is as it was, directories' times too. Closing it is left to the tree's owner.
 *
 * @param places Not the root.
 */
export function withoutPaths(tree: Tree, places: readonly ByteString[]): Tree {
  const root = { entry: tree.root.entry, digest: undefined, children: () => [], child: () => undefined };
  return replaceSelected(tree, { root, close: () => undefined }, selectPlaces(places));
}
