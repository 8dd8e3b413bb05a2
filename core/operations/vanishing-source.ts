import { VarveError } from "../errors.js";
import type { FilteredTree } from "../model/tree.js";

/** Where names come and go, as below /tmp, some always go; of what is being removed, many do. */
const MOST_GONE = 100;
const LARGEST_SHARE = 0.05;

/**
 * To be asked when a live directory has been read, before a ref leads to what was read of it.
 *
 * @param action Follows "Cannot". @throws VarveError SOURCE_CHANGED when it, or much of it, was removed meanwhile.
 */
export function requireStanding(tree: FilteredTree, action: string): void {
  const { isGone, gone, seen } = tree.vanishing();
  if (!isGone && (gone <= MOST_GONE || gone <= seen * LARGEST_SHARE)) return;
  const what = isGone ? "the directory was removed" : `${gone} of its ${seen} entries went`;
  throw new VarveError("SOURCE_CHANGED", `Cannot ${action}: ${what} while it was read`, {
    hint: "Nothing was committed. Run the command again when it is at rest, or leave out what comes and goes (--exclude, .varveignore).",
  });
}

/** For people: what went is not in the commit. */
export function vanishedWarnings(tree: FilteredTree): readonly string[] {
  const { gone } = tree.vanishing();
  if (gone === 0) return [];
  return [
    gone === 1
      ? "1 path went while it was read, and is not in the commit"
      : `${gone} paths went while they were read, and are not in the commit`,
  ];
}
