import { parentPath, type ByteString } from "../model/byte-string.js";
import type { Change } from "../model/change.js";
import { changeReasons } from "../model/compare-entries.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { Tree, TreeNode } from "../model/tree.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { compareTrees } from "./compare-trees.js";
import { replaceSelected } from "./replace-selected.js";

export interface Transplant {
  /** Absent where there are conflicts. Closing is left to the owners of the trees that it is made of. */
  readonly tree: Tree | undefined;
  /** Absolute, for people, in byte order. */
  readonly conflicts: readonly string[];
}

/** Past so many, all of a tree is looked at: each place is compared with each directory. */
const MOST_PLACES = 256;

/** One tree with what another one changed against a common base. Two that changed a path alike agree. */
export async function transplant({
  base,
  theirs,
  ours,
}: {
  readonly base: Tree;
  readonly theirs: Tree;
  readonly ours: Tree;
}): Promise<Transplant> {
  const wanted = pathsOf(await compareTrees(base, theirs));
  const own = pathsOf(await compareTrees(base, ours));
  const conflicts: ByteString[] = [];
  for (const path of wanted) {
    if (isTurnDue()) await yieldToSignals();
    const clashes = own.has(path) && !isAlike(nodeAt(ours, path), nodeAt(theirs, path));
    if (clashes || lacksWay(path, { theirs, ours, wanted })) conflicts.push(path);
  }
  for (const path of own) if (!wanted.has(path) && isCutOff(path, { theirs, ours, wanted })) conflicts.push(path);
  if (conflicts.length > 0) return { tree: undefined, conflicts: [...new Set(conflicts)].sort().map(treePathText) };
  const places = wanted.size > MOST_PLACES ? undefined : [...wanted];
  if (wanted.size === 0) return { tree: ours, conflicts: [] };
  return { tree: replaceSelected(ours, theirs, { places, has: (path) => wanted.has(path) }), conflicts: [] };
}

function pathsOf(changes: readonly Change[]): ReadonlySet<ByteString> {
  return new Set(changes.flatMap(({ path, from }) => (from === undefined ? [path] : [from, path])));
}

/** A directory's time is that of the last name that came or went: it says nothing of its own. */
function isAlike(ours: TreeNode | undefined, theirs: TreeNode | undefined): boolean {
  if (ours === undefined || theirs === undefined) return ours === theirs;
  const reasons = changeReasons(ours, theirs);
  return reasons.length === 0 || ("children" in ours && "children" in theirs && reasons.every((reason) => reason === "mtime"));
}

interface Sides {
  readonly theirs: Tree;
  readonly ours: Tree;
  readonly wanted: ReadonlySet<ByteString>;
}

/** Whether they have something below what is no directory of ours. */
function lacksWay(path: ByteString, { theirs, ours, wanted }: Sides): boolean {
  if (path === "" || nodeAt(theirs, path) === undefined) return false;
  const above = parentPath(path);
  const node = nodeAt(ours, above);
  if (node !== undefined && "children" in node) return false;
  return !wanted.has(above) || lacksWay(above, { theirs, ours, wanted });
}

/** Whether we have something below what they made no directory any more. */
function isCutOff(path: ByteString, { theirs, ours, wanted }: Sides): boolean {
  if (nodeAt(ours, path) === undefined) return false;
  for (let above = path; above !== "";) {
    above = parentPath(above);
    if (!wanted.has(above)) continue;
    const node = nodeAt(theirs, above);
    if (node === undefined || !("children" in node)) return true;
  }
  return false;
}
