import type { CommitId, LayerId } from "../model/ids.js";
import type { Commit } from "../model/commit.js";
import { SAVED } from "../revision/ref-names.js";
import type { Repository } from "../ports/repository.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { CommitGraph } from "./commit-graph.js";

/** Commits whose trees need certain layers. */
export interface NeedingCommits {
  /** The newest ones, newest first. */
  readonly newest: readonly { readonly id: CommitId; readonly message: string }[];
  /** How many others there are. */
  readonly more: number;
}

/**
 * The commits of branches, tags and containers whose chains hold one of the layers. Reads the whole history, as far as it can be read: for when
 * something has failed already.
 *
 * @param most How many are named.
 */
export async function needingCommits(repository: Repository, layers: readonly LayerId[], most: number): Promise<NeedingCommits> {
  const graph = new CommitGraph();
  const seconds = new Map<CommitId, number>();
  const pending = await tips(repository);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seconds.has(id)) continue;
    if (isTurnDue()) await yieldToSignals();
    const commit = await readable(repository, id);
    seconds.set(id, commit?.committer.seconds ?? 0);
    if (commit === undefined) continue;
    graph.add(commit);
    pending.push(...commit.parents);
  }
  const needing = [...graph.needing(layers)];
  // Of commits of one second the child comes first: a tip is found before what it stands on.
  const order = new Map([...seconds.keys()].map((id, at) => [id, at]));
  const at = (id: CommitId): number => order.get(id) ?? 0;
  needing.sort((a, b) => (seconds.get(b) ?? 0) - (seconds.get(a) ?? 0) || at(a) - at(b));
  const newest = await Promise.all(
    needing.slice(0, most).map(async (id) => ({ id, message: (await readable(repository, id))?.message ?? "" })),
  );
  return { newest, more: needing.length - newest.length };
}

async function tips({ history, containers }: Repository): Promise<CommitId[]> {
  const refs = await history.listRefs("refs/");
  const shown = refs.filter(({ name }) => !name.startsWith(SAVED)).map(({ commit }) => commit);
  return [...containers.list().map(({ record }) => record.base), ...shown];
}

async function readable({ history }: Repository, id: CommitId): Promise<Commit | undefined> {
  try {
    return await history.readCommit(id);
  } catch {
    return undefined;
  }
}
