import type { CommitId } from "../model/ids.js";

export interface DatedCommit {
  readonly id: CommitId;
  readonly parents: readonly CommitId[];
  readonly committer: { readonly seconds: number };
}

/**
 * Orders commits as `git log --date-order` does: the newest first, but none before all that come from it. A clock that was set back, and commits
 * of one second, change nothing about the latter.
 *
 * @param commits Closed or not: a parent that is not among them is passed over.
 */
export function* newestFirst<Some extends DatedCommit>(commits: ReadonlyMap<CommitId, Some>): Generator<Some> {
  const children = countChildren(commits);
  const ready = [...commits.values()].filter(({ id }) => !children.has(id));
  for (let commit = takeNewest(ready); commit !== undefined; commit = takeNewest(ready)) {
    yield commit;
    for (const id of commit.parents) {
      const waiting = (children.get(id) ?? 0) - 1;
      children.set(id, waiting);
      const parent = commits.get(id);
      if (waiting === 0 && parent !== undefined) ready.push(parent);
    }
  }
}

/** How often each commit is named as a parent; those that are not, are missing. */
export function countChildren(commits: ReadonlyMap<CommitId, DatedCommit>): Map<CommitId, number> {
  const children = new Map<CommitId, number>();
  for (const { parents } of commits.values()) for (const id of parents) children.set(id, (children.get(id) ?? 0) + 1);
  return children;
}

/** The list is as short as the history is wide. */
function takeNewest<Some extends DatedCommit>(ready: Some[]): Some | undefined {
  let newest = 0;
  ready.forEach((commit, index) => {
    if (commit.committer.seconds > (ready[newest]?.committer.seconds ?? -Infinity)) newest = index;
  });
  return ready.splice(newest, 1)[0];
}
