import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId, RefName } from "../../model/ids.js";
import type { Repository } from "../../ports/repository.js";
import type { PathSelection } from "../../paths/path-selection.js";
import { NAMED } from "../../revision/ref-names.js";
import { ancestorsOf, walkHistory, type Examined, type WalkedCommit } from "../../history/walk-history.js";
import { shownParents } from "../../history/shown-parents.js";
import { followPath, type FollowedCommit } from "./follow-path.js";
import { PathChanges } from "./path-changes.js";

export interface LogEntry {
  readonly commit: Commit;
  /** Branches and tags that stand on it. */
  readonly refs: readonly RefName[];
  /** With `order: "graph"`: the commits that lines lead to, its parents or what stands for them among those that are shown. */
  readonly graphParents?: readonly CommitId[];
  /** With `follow`: what the file is called in the commit. */
  readonly names?: readonly ByteString[];
}

export interface LogOptions {
  readonly from: readonly CommitId[];
  /** Leaves out what these commits are or come from. */
  readonly exclude?: readonly CommitId[] | undefined;
  readonly limit?: number | undefined;
  /** Keeps commits that changed something selected, as `git log -- PATH` does: a merge that took all of it from one side is left out, and the other side with it. */
  readonly paths?: PathSelection | undefined;
  /** Keeps commits that changed this file, also where it had another name. */
  readonly follow?: ByteString | undefined;
  /** Keeps some commits. */
  readonly has?: ((commit: Commit) => boolean) | undefined;
  readonly firstParent?: boolean | undefined;
  /** By default "date". */
  readonly order?: "date" | "graph" | undefined;
  readonly reverse?: boolean | undefined;
}

/** Newest first: by commit time, but no commit before one that comes from it. With `order: "graph"` branch by branch; with `reverse` the other way round. */
export async function* readLog(repository: Repository, options: LogOptions): AsyncGenerator<LogEntry> {
  const refs = await refsByCommit(repository);
  try {
    const commits = options.order === "graph" ? inGraph(repository, options) : selected(repository, options);
    const entries = limited(commits, options.limit ?? Infinity);
    for await (const { commit, graphParents, names } of options.reverse ? reversed(entries) : entries) {
      yield { commit, refs: refs.get(commit.id) ?? [], ...(graphParents && { graphParents }), ...(names && { names }) };
    }
  } finally {
    repository.layers.keepNames?.();
  }
}

interface Selected {
  readonly commit: Commit;
  readonly graphParents?: readonly CommitId[];
  readonly names?: readonly ByteString[];
}

async function* selected(repository: Repository, options: LogOptions): AsyncGenerator<Selected> {
  for await (const walked of walk(repository, options)) if (isShown(walked, options)) yield walked;
}

/** Whoever draws lines wants to know all commits first: those that are left out pass their lines on. */
async function* inGraph(repository: Repository, options: LogOptions): AsyncGenerator<Selected> {
  const commits: Walked[] = [];
  for await (const walked of walk(repository, options)) commits.push(walked);
  const shown = commits.filter((walked) => isShown(walked, options));
  const parents = shownParents(commits, new Set(shown.map(({ id }) => id)));
  for (const { id, commit, names } of shown) yield { commit, graphParents: parents.get(id) ?? [], ...(names && { names }) };
}

function isShown({ commit, isSelected }: WalkedCommit, { has }: LogOptions): boolean {
  return isSelected && (has === undefined || has(commit));
}

type Walked = WalkedCommit & Partial<FollowedCommit>;

async function* walk(repository: Repository, options: LogOptions): AsyncGenerator<Walked> {
  const { from, exclude = [], order = "date", follow } = options;
  const excluded = await ancestorsOf(repository.history, exclude);
  const examine = examination(repository, options);
  const walked = walkHistory(repository.history, { tips: [...new Set(from)], excluded, order, examine });
  yield* follow === undefined ? walked : followPath(repository, walked, from, follow);
}

function examination(repository: Repository, { paths, firstParent }: LogOptions): (commit: Commit) => Promise<Examined> {
  const parentsOf = ({ parents }: Commit): readonly CommitId[] => (firstParent ? parents.slice(0, 1) : parents);
  if (paths === undefined || paths.places?.length === 0) {
    return async (commit) => ({ parents: parentsOf(commit), isSelected: true });
  }
  const changes = new PathChanges(repository, paths);
  return async (commit) => {
    const parents = parentsOf(commit);
    const same = await changes.sameParent(commit, parents);
    return same === "none" ? { parents, isSelected: true } : { parents: same === undefined ? [] : [same], isSelected: false };
  };
}

async function* limited<Some>(items: AsyncIterable<Some>, limit: number): AsyncGenerator<Some> {
  let left = limit;
  if (left <= 0) return;
  for await (const item of items) {
    yield item;
    if (--left <= 0) return;
  }
}

async function* reversed<Some>(items: AsyncIterable<Some>): AsyncGenerator<Some> {
  const all: Some[] = [];
  for await (const item of items) all.push(item);
  yield* all.reverse();
}

async function refsByCommit({ history }: Repository): Promise<Map<CommitId, RefName[]>> {
  const found = new Map<CommitId, RefName[]>();
  for (const prefix of NAMED) {
    for (const { name, commit } of await history.listRefs(prefix)) found.set(commit, [...(found.get(commit) ?? []), name]);
  }
  return found;
}
