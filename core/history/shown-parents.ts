import type { CommitId } from "../model/ids.js";

interface Linked {
  readonly id: CommitId;
  readonly parents: readonly CommitId[];
}

/**
 * Where the lines of a drawn history lead: from each shown commit to the nearest shown ones that it comes from.
 *
 * @param commits Children before parents. @param shown Some of them.
 */
export function shownParents(commits: readonly Linked[], shown: ReadonlySet<CommitId>): Map<CommitId, readonly CommitId[]> {
  /** What stands for a commit: itself, or what it leads to. */
  const nearest = new Map<CommitId, readonly CommitId[]>();
  const found = new Map<CommitId, readonly CommitId[]>();
  for (const { id, parents } of commits.toReversed()) {
    const leadsTo = [...new Set(parents.flatMap((parent) => nearest.get(parent) ?? []))];
    nearest.set(id, shown.has(id) ? [id] : leadsTo);
    if (shown.has(id)) found.set(id, leadsTo);
  }
  return found;
}
