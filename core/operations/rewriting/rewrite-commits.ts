import type { Commit } from "../../model/commit.js";
import type { CommitId } from "../../model/ids.js";
import type { History } from "../../ports/history.js";
import type { Repository } from "../../ports/repository.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";

/** By the id of a commit: what it is written anew as. What is not among them stays. */
export type Rewritten = Map<CommitId, CommitId>;

/** Writes a commit anew. @param parents What its parents are by now. */
export type RewriteCommit = (commit: Commit, parents: readonly CommitId[]) => Promise<CommitId>;

/**
 * Puts commits on what their parents were written anew as. No ref moves.
 *
 * @param commits Each after all that it comes from.
 * @param rewritten Gets those that became others.
 * @param rewrite Called for those that `concerns` says, or whose parents became others; by default they keep their layers.
 */
export async function rewriteCommits(
  { history }: Pick<Repository, "history">,
  commits: Iterable<Commit>,
  rewritten: Rewritten,
  {
    concerns = () => false,
    rewrite = (commit, parents) => onOtherParents(history, commit, parents),
  }: { readonly concerns?: (commit: Commit) => boolean; readonly rewrite?: RewriteCommit } = {},
): Promise<void> {
  for (const commit of commits) {
    if (rewritten.has(commit.id)) continue;
    if (isTurnDue()) await yieldToSignals();
    const parents = commit.parents.map((parent) => rewritten.get(parent) ?? parent);
    const isMoved = parents.some((parent, index) => parent !== commit.parents[index]);
    if (isMoved || concerns(commit)) rewritten.set(commit.id, await rewrite(commit, parents));
  }
}

/**
 * A commit with other parents, and all else as it was: its layer too, since that leads from the tree of the first parent, which must be the same,
 * to its own.
 */
export async function onOtherParents(history: History, commit: Commit, parents: readonly CommitId[]): Promise<CommitId> {
  const { layer, tree, added, modified, deleted, storedBytes, author, message, config, origin } = commit;
  return history.writeCommit({
    ...{ layer, tree, added, modified, deleted, storedBytes },
    ...{ parents, author, message, config, origin },
  });
}
