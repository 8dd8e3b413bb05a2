import type { Commit } from "../model/commit.js";
import type { CommitId } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { newestFirst } from "./newest-first.js";

/**
 * The commits that tips come from, each once and after all that it comes from.
 *
 * @param stops Not among them, nor what only they come from.
 * @throws VarveError STORE_DAMAGED, INTERRUPTED.
 */
export async function oldestFirst(
  history: Pick<History, "readCommit">,
  tips: Iterable<CommitId>,
  stops: ReadonlySet<CommitId> = new Set(),
): Promise<readonly Commit[]> {
  const commits = new Map<CommitId, Commit>();
  const pending = new Set(tips);
  // A set grows while it is walked.
  for (const id of pending) {
    if (stops.has(id)) continue;
    if (isTurnDue()) await yieldToSignals();
    const commit = await history.readCommit(id);
    commits.set(id, commit);
    for (const parent of commit.parents) pending.add(parent);
  }
  return [...newestFirst(commits)].reverse();
}
