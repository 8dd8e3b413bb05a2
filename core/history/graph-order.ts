import type { CommitId } from "../model/ids.js";
import { countChildren, type DatedCommit } from "./newest-first.js";

/**
 * Orders commits as `git log --graph` does: none before all that come from it, and what a merge brought in before the branch that it came to, so that
 * the lines of the graph run side by side as briefly as can be.
 *
 * @param commits Closed or not: a parent that is not among them is passed over.
 * @param tips Where to begin: the first one comes first, unless it is a parent.
 */
export function* inGraphOrder<Some extends DatedCommit>(
  commits: ReadonlyMap<CommitId, Some>,
  tips: readonly CommitId[],
): Generator<Some> {
  const children = countChildren(commits);
  // The last one comes first.
  const ready = [...new Set(tips)].reverse().flatMap((id) => (children.has(id) ? [] : (commits.get(id) ?? [])));
  for (let commit = ready.pop(); commit !== undefined; commit = ready.pop()) {
    yield commit;
    for (const id of commit.parents) {
      const waiting = (children.get(id) ?? 0) - 1;
      children.set(id, waiting);
      const parent = commits.get(id);
      if (waiting === 0 && parent !== undefined) ready.push(parent);
    }
  }
}
