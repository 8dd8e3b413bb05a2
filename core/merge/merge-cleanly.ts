import type { ByteString } from "../model/byte-string.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import { compareTrees } from "../trees/compare-trees.js";
import { mergeTrees } from "./merge-trees.js";

export interface CleanMerge {
  /** Absent where there are conflicts. Reads the merged trees, which stay open. */
  readonly tree: Tree | undefined;
  /** Absolute paths, for people, in byte order. */
  readonly conflicts: readonly string[];
}

/**
 * What one tree changed of a common base, made in another one, as by `mergeTrees`; but that no person is there to end conflicts. A directory that
 * one side removed and the other put something into is one, too: what stood in it beside that would go unseen.
 * @throws VarveError LAYER_CORRUPT, INTERRUPTED.
 */
export async function mergeCleanly({
  base,
  ours,
  theirs,
}: {
  readonly base: Tree;
  readonly ours: Tree;
  readonly theirs: Tree;
}): Promise<CleanMerge> {
  const { tree, conflicts } = await mergeTrees(base, ours, theirs, { labels: { ours: "ours", theirs: "theirs" } });
  const found = new Set(conflicts.map(({ path }) => path));
  for (const side of [ours, theirs]) for (const path of await standingAgain(base, side, tree)) found.add(path);
  return { tree: found.size === 0 ? tree : undefined, conflicts: [...found].sort().map(treePathText) };
}

/** Directories that a side has no more, and the merged tree has. */
async function standingAgain(base: Tree, side: Tree, merged: Tree): Promise<readonly ByteString[]> {
  return (await compareTrees(base, side)).flatMap(({ path, status, before }) => {
    const isGone = status === "D" && before !== undefined && "children" in before;
    return isGone && nodeAt(merged, path) !== undefined ? [path] : [];
  });
}
