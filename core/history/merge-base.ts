import type { CommitId } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { CommitQueue, type QueuedCommit } from "./commit-queue.js";

type Commits = Pick<History, "readCommit">;

/** From which side a commit was reached. */
const FROM_ONE = 1;
const FROM_OTHER = 2;
const FROM_BOTH = FROM_ONE | FROM_OTHER;
/** It comes before a common ancestor: what stands below can be no best one. */
const STALE = 4;

interface SeenCommit extends QueuedCommit {
  marks: number;
  /** Whether it waits in the queue. */
  waiting: boolean;
}

/**
 * The best common ancestors of two commits, as `git merge-base --all`: those from which no other common ancestor comes. Where histories were
 * merged crosswise there are several. Clocks that were set back change nothing but the order.
 *
 * @returns The newest first. Empty when the two have no history in common.
 */
export async function mergeBases(history: Commits, one: CommitId, other: CommitId): Promise<readonly CommitId[]> {
  if (one === other) return [one];
  const walk = new Painting(history);
  await walk.mark(one, FROM_ONE);
  await walk.mark(other, FROM_OTHER);
  await walk.paint();
  const common = walk.common();
  return common.length < 2 ? common : withoutAncestors(history, common);
}

/** The one that a merge starts from: the newest of the best common ancestors. `undefined` when there is none. */
export async function mergeBase(history: Commits, one: CommitId, other: CommitId): Promise<CommitId | undefined> {
  return (await mergeBases(history, one, other))[0];
}

/** Whether `ancestor` is `commit`, or `commit` comes from it. */
export async function isAncestor(history: Commits, ancestor: CommitId, commit: CommitId): Promise<boolean> {
  if (ancestor === commit) return true;
  const walk = new Painting(history);
  await walk.mark(ancestor, FROM_ONE);
  await walk.mark(commit, FROM_OTHER);
  await walk.paint(ancestor);
  return walk.isCommon(ancestor);
}

/** Marks what two commits come from, the newest first, until nothing is left that may be a best common ancestor. */
class Painting {
  readonly #history: Commits;
  readonly #seen = new Map<CommitId, SeenCommit>();
  readonly #queue = new CommitQueue<SeenCommit>();
  /** How many wait in the queue that are not stale. */
  #fresh = 0;

  constructor(history: Commits) {
    this.#history = history;
  }

  async mark(id: CommitId, marks: number): Promise<void> {
    const known = this.#seen.get(id);
    const commit = known ?? (await this.#read(id));
    if ((commit.marks & marks) === marks) return;
    if (commit.waiting && !(commit.marks & STALE) && marks & STALE) this.#fresh -= 1;
    commit.marks |= marks;
    if (commit.waiting) return;
    commit.waiting = true;
    if (!(commit.marks & STALE)) this.#fresh += 1;
    this.#queue.add(commit);
  }

  async #read(id: CommitId): Promise<SeenCommit> {
    const { parents, committer } = await this.#history.readCommit(id);
    const commit = { id, parents, seconds: committer.seconds, marks: 0, waiting: false };
    this.#seen.set(id, commit);
    return commit;
  }

  /** A commit may come again, when a clock was set back and marks reach it late. @param until Ends the walk once it is common. */
  async paint(until?: CommitId): Promise<void> {
    while (this.#fresh > 0) {
      if (isTurnDue()) await yieldToSignals();
      const commit = this.#queue.take();
      if (commit === undefined) return;
      commit.waiting = false;
      if (!(commit.marks & STALE)) this.#fresh -= 1;
      const isCommon = (commit.marks & FROM_BOTH) === FROM_BOTH;
      if (isCommon && commit.id === until) return;
      for (const parent of commit.parents) await this.mark(parent, isCommon ? commit.marks | STALE : commit.marks);
    }
  }

  isCommon(id: CommitId): boolean {
    return ((this.#seen.get(id)?.marks ?? 0) & FROM_BOTH) === FROM_BOTH;
  }

  /** Those among which the best are. */
  common(): CommitId[] {
    return [...this.#seen.values()]
      .filter(({ marks }) => marks === FROM_BOTH)
      .sort((a, b) => b.seconds - a.seconds || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id);
  }
}

/** Without those from which another one comes: clocks that were set back leave such. */
async function withoutAncestors(history: Commits, commits: readonly CommitId[]): Promise<CommitId[]> {
  const below = new Set<CommitId>();
  for (const id of commits) for (const parent of (await history.readCommit(id)).parents) below.add(parent);
  for (const id of below) {
    if (isTurnDue()) await yieldToSignals();
    for (const parent of (await history.readCommit(id)).parents) below.add(parent);
  }
  return commits.filter((id) => !below.has(id));
}
