import { VarveError } from "../../errors.js";
import { textOf, type ByteString } from "../../model/byte-string.js";
import { changeReasons, readToCompare } from "../../model/compare-entries.js";
import type { Commit } from "../../model/commit.js";
import type { Tree, TreeNode } from "../../model/tree.js";
import { openCommitTree } from "../../operations/targets.js";
import type { Repository } from "../../ports/repository.js";
import { walkTreePair } from "../../trees/walk-tree-pair.js";
import { inTurns } from "../../turns.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";

/**
 * Gives the tracked directory of a clone, if it has one, the files of the commit. A clone that was killed may have begun with it.
 * @throws VarveError DESTINATION_NOT_EMPTY for a file that somebody else put there; what `apply` throws.
 */
export async function fillClone({ worktree, ...others }: Repository, commit: Commit): Promise<void> {
  if (worktree === undefined) return;
  const tree = await openCommitTree({ worktree, ...others }, commit.id);
  try {
    const live = await worktree.openTree(tree, undefined);
    try {
      await requireOwnFiles(live, tree, worktree.path);
      await worktree.apply(live, tree);
    } finally {
      live.close();
    }
    worktree.remember(tree, commit.tree);
  } finally {
    tree.close();
  }
}

/** Contents come into place whole: of a clone that was killed all files are what they are to be, but for metadata. */
async function requireOwnFiles(live: Tree, wanted: Tree, directory: string): Promise<void> {
  for (const { path, before, after, kind } of walkTreePair(live, wanted)) {
    if (isTurnDue()) await yieldToSignals();
    if (before === undefined || kind === "leave") continue;
    const reading = after && readToCompare(before, after);
    if (reading !== undefined) await inTurns(reading);
    if (after === undefined || isAnother(before, after)) throw inTheWay(directory, path);
  }
}

function isAnother(before: TreeNode, after: TreeNode): boolean {
  const reasons = changeReasons(before, after);
  if (reasons.includes("type") || reasons.includes("content")) return true;
  // Of a file: other names of it have still to come.
  return reasons.includes("link") && !("content" in before);
}

function inTheWay(directory: string, path: ByteString): VarveError {
  const place = `${directory}/${textOf(path)}`;
  return new VarveError("DESTINATION_NOT_EMPTY", `Cannot clone into "${directory}": a file stands there that the clone has not`, {
    path: place,
    hint: "Move it away, then clone again: what has come is there.",
  });
}
