import type { Commit } from "../model/commit.js";
import type { CommitId } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { inGraphOrder } from "./graph-order.js";
import { newestFirst } from "./newest-first.js";

/** What a walk makes of a commit. */
export interface Examined {
  /** Those that are followed: some of the commit's parents. */
  readonly parents: readonly CommitId[];
  readonly isSelected: boolean;
}

export interface WalkOptions {
  /** Where it begins. */
  readonly tips: readonly CommitId[];
  /** Not entered. */
  readonly excluded: ReadonlySet<CommitId>;
  readonly order: "date" | "graph";
  readonly examine: (commit: Commit) => Promise<Examined>;
}

export interface WalkedCommit extends Examined {
  readonly id: CommitId;
  readonly commit: Commit;
  readonly committer: Commit["committer"];
}

/**
 * The commits that tips come from, each once, children before parents. A simple history, one parent each, is followed as it goes; from the first
 * merge on, all that is left is read and sorted.
 *
 * @throws VarveError STORE_DAMAGED, INTERRUPTED.
 */
export async function* walkHistory(history: History, options: WalkOptions): AsyncGenerator<WalkedCommit> {
  const { tips, excluded } = options;
  let wanted = tips.filter((id) => !excluded.has(id));
  const seen = new Set<CommitId>();
  while (wanted.length === 1) {
    const [id] = wanted as [CommitId];
    if (seen.has(id)) return;
    seen.add(id);
    const walked = await visit(history, id, options);
    yield walked;
    wanted = walked.parents.filter((parent) => !excluded.has(parent));
  }
  const commits = await gather(history, wanted, options);
  yield* options.order === "graph"
    ? inGraphOrder(commits, seen.size > 0 ? wanted.reverse() : byTime(wanted, commits))
    : newestFirst(commits);
}

/** The newest first; of one second, as they were named. */
function byTime(ids: readonly CommitId[], commits: ReadonlyMap<CommitId, WalkedCommit>): CommitId[] {
  const time = (id: CommitId): number => commits.get(id)?.committer.seconds ?? 0;
  return [...ids].sort((a, b) => time(b) - time(a));
}

async function gather(
  history: History,
  tips: readonly CommitId[],
  options: WalkOptions,
): Promise<ReadonlyMap<CommitId, WalkedCommit>> {
  const commits = new Map<CommitId, WalkedCommit>();
  const pending = new Set(tips);
  // A set grows while it is walked.
  for (const id of pending) {
    const walked = await visit(history, id, options);
    commits.set(id, walked);
    for (const parent of walked.parents) if (!options.excluded.has(parent)) pending.add(parent);
  }
  return commits;
}

async function visit(history: History, id: CommitId, { examine }: WalkOptions): Promise<WalkedCommit> {
  if (isTurnDue()) await yieldToSignals();
  const commit = await history.readCommit(id);
  return { id, commit, committer: commit.committer, ...(await examine(commit)) };
}

/** A commit and all that it comes from. @throws VarveError STORE_DAMAGED, INTERRUPTED. */
export async function ancestorsOf(history: History, from: readonly CommitId[]): Promise<Set<CommitId>> {
  const found = new Set<CommitId>(from);
  for (const id of found) {
    if (isTurnDue()) await yieldToSignals();
    for (const parent of (await history.readCommit(id)).parents) found.add(parent);
  }
  return found;
}
