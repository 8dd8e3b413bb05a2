import { mergeBases } from "../history/merge-base.js";
import type { CommitId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { History } from "../ports/history.js";
import { mergeTrees } from "./merge-trees.js";

/** Past these the newest common ancestor alone is taken: the rest would change little, and cost much. */
const MOST_BASES = 8;
const DEEPEST = 4;

export interface BaseSource {
  readonly history: Pick<History, "readCommit">;
  /** The tree of a commit; of none, the empty tree. */
  readonly open: (commit: CommitId | undefined) => Promise<Tree>;
}

/**
 * The tree that a merge starts from. Where histories were merged crosswise there are several best common ancestors: they are merged themselves, and so
 * on, as git does; what conflicts there is as in the newest, texts with their markers.
 *
 * @param bases The newest first. None: the empty tree.
 * @param opened Gets each tree that the result reads: closed by the caller, whatever happens.
 */
export async function openMergeBase(source: BaseSource, bases: readonly CommitId[], opened: Tree[], depth = 0): Promise<Tree> {
  const open = async (commit: CommitId | undefined): Promise<Tree> => {
    const tree = await source.open(commit);
    opened.push(tree);
    return tree;
  };
  const [newest, ...others] = bases;
  let merged = await open(newest);
  if (newest === undefined || depth === DEEPEST) return merged;
  for (const other of others.slice(0, MOST_BASES - 1)) {
    const below = await mergeBases(source.history, newest, other);
    const base = await openMergeBase(source, below, opened, depth + 1);
    const labels = { ours: "Temporary merge branch 1", theirs: "Temporary merge branch 2" };
    ({ tree: merged } = await mergeTrees(base, merged, await open(other), { labels }));
  }
  return merged;
}
