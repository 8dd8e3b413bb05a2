import type { CommitId, LayerId } from "../model/ids.js";
import type { Commit } from "../model/commit.js";
import { isHiddenRef } from "../revision/ref-names.js";
import { newestFirst, type DatedCommit } from "../history/newest-first.js";
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
  const dated = new Map<CommitId, DatedCommit | undefined>();
  const pending = await tips(repository);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (dated.has(id)) continue;
    if (isTurnDue()) await yieldToSignals();
    const commit = await readable(repository, id);
    dated.set(id, commit && { id, parents: commit.parents, committer: { seconds: commit.committer.seconds } });
    if (commit === undefined) continue;
    graph.add(commit);
    pending.push(...commit.parents);
  }
  const needing = new Map([...graph.needing(layers)].map((id) => [id, dated.get(id)!] as const));
  const newest: { id: CommitId; message: string }[] = [];
  for (const { id } of newestFirst(needing)) {
    if (newest.length === most) break;
    newest.push({ id, message: (await readable(repository, id))?.message ?? "" });
  }
  return { newest, more: needing.size - newest.length };
}

async function tips({ history, containers }: Repository): Promise<CommitId[]> {
  const refs = await history.listRefs("refs/");
  const shown = refs.filter(({ name }) => !isHiddenRef(name)).map(({ commit }) => commit);
  return [...containers.list().map(({ record }) => record.base), ...shown];
}

async function readable({ history }: Repository, id: CommitId): Promise<Commit | undefined> {
  try {
    return await history.readCommit(id);
  } catch {
    return undefined;
  }
}
