import type { Commit } from "../model/commit.js";
import type { CommitId } from "../model/ids.js";
import type { History } from "../ports/history.js";
import type { MessageTest } from "../text/message-pattern.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { CommitQueue } from "./commit-queue.js";

/** The newest commit that one of `tips` is or comes from, and whose message fits. */
export async function newestWithMessage(
  history: Pick<History, "readCommit">,
  tips: readonly CommitId[],
  fits: MessageTest,
): Promise<Commit | undefined> {
  const queue = new CommitQueue<{ id: CommitId; parents: readonly CommitId[]; seconds: number; commit: Commit }>();
  const seen = new Set<CommitId>();
  const add = async (id: CommitId): Promise<void> => {
    if (seen.has(id)) return;
    seen.add(id);
    const commit = await history.readCommit(id);
    queue.add({ id, parents: commit.parents, seconds: commit.committer.seconds, commit });
  };
  for (const tip of tips) await add(tip);
  for (let next = queue.take(); next !== undefined; next = queue.take()) {
    if (fits(next.commit.message)) return next.commit;
    if (isTurnDue()) await yieldToSignals();
    for (const parent of next.parents) await add(parent);
  }
  return undefined;
}
