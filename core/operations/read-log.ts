import type { ByteString } from "../model/byte-string.js";
import type { Commit } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";
import { nodeAt } from "../model/paths.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { Tree } from "../model/tree.js";
import type { Repository } from "../ports/repository.js";
import { changeReasons } from "../model/compare-entries.js";
import { newestFirst } from "../history/newest-first.js";
import { compareTrees } from "../trees/compare-trees.js";
import { openCommitTree } from "./targets.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

export interface LogEntry {
  readonly commit: Commit;
  /** Branches and tags that stand on it. */
  readonly refs: readonly RefName[];
}

export interface LogOptions {
  /** One commit or several. */
  readonly from: CommitId | readonly CommitId[];
  /** Leaves out what this commit, or one of these, is or comes from. */
  readonly exclude?: CommitId | readonly CommitId[] | undefined;
  readonly limit?: number | undefined;
  /** Keeps commits that changed something selected against their first parent. */
  readonly paths?: PathSelection | undefined;
}

/** Newest first: by commit time, but no commit before one that comes from it. */
export async function* readLog(repository: Repository, options: LogOptions): AsyncGenerator<LogEntry> {
  const refs = await refsByCommit(repository);
  const excluded = await ancestors(repository, idsOf(options.exclude));
  let left = options.limit ?? Infinity;
  for await (const commit of inOrder(repository, idsOf(options.from), excluded)) {
    if (left <= 0) return;
    if (isTurnDue()) await yieldToSignals();
    if (options.paths && options.paths.places?.length !== 0 && !(await touches(repository, commit, options.paths))) continue;
    left -= 1;
    yield { commit, refs: refs.get(commit.id) ?? [] };
  }
}

function idsOf(ids: CommitId | readonly CommitId[] | undefined): readonly CommitId[] {
  return ids === undefined ? [] : typeof ids === "string" ? [ids] : ids;
}

/** A simple history, one parent each, is followed as it goes; from the first merge on, all that is left is sorted. */
async function* inOrder(
  { history }: Repository,
  from: readonly CommitId[],
  excluded: ReadonlySet<CommitId>,
): AsyncGenerator<Commit> {
  const tips = [...new Set(from)].filter((id) => !excluded.has(id));
  let next: readonly CommitId[] = tips;
  while (next.length === 1) {
    const commit = await history.readCommit(next[0]!);
    if (commit.parents.length > 1) break;
    yield commit;
    next = commit.parents.filter((id) => !excluded.has(id));
  }
  if (next.length > 0) yield* sorted({ history }, next, excluded);
}

async function* sorted(
  { history }: Pick<Repository, "history">,
  tips: readonly CommitId[],
  excluded: ReadonlySet<CommitId>,
): AsyncGenerator<Commit> {
  const commits = new Map<CommitId, Commit>();
  for (const tip of tips) commits.set(tip, await history.readCommit(tip));
  for (const { parents } of commits.values()) {
    for (const parent of parents) {
      if (isTurnDue()) await yieldToSignals();
      if (!excluded.has(parent) && !commits.has(parent)) commits.set(parent, await history.readCommit(parent));
    }
  }
  yield* newestFirst(commits);
}

async function ancestors({ history }: Repository, from: readonly CommitId[]): Promise<Set<CommitId>> {
  const found = new Set<CommitId>(from);
  for (const id of found) {
    if (isTurnDue()) await yieldToSignals();
    for (const parent of (await history.readCommit(id)).parents) found.add(parent);
  }
  return found;
}

async function refsByCommit({ history }: Repository): Promise<Map<CommitId, RefName[]>> {
  const found = new Map<CommitId, RefName[]>();
  for (const prefix of ["refs/heads/", "refs/tags/"]) {
    for (const { name, commit } of await history.listRefs(prefix)) found.set(commit, [...(found.get(commit) ?? []), name]);
  }
  return found;
}

async function touches(repository: Repository, commit: Commit, paths: PathSelection): Promise<boolean> {
  // A layer tells of a merge's first parent, too; what it deleted, a pattern may select.
  const isTold = paths.places !== undefined || commit.deleted === 0;
  const told = isTold && commit.parents.length > 0 ? repository.layers.changes?.(commit.layer, paths) : undefined;
  return told ?? (await treesDiffer(repository, commit, paths));
}

async function treesDiffer(repository: Repository, commit: Commit, paths: PathSelection): Promise<boolean> {
  const after = await openCommitTree(repository, commit.id);
  const before = await openCommitTree(repository, commit.parents[0]);
  try {
    if (paths.places !== undefined) return paths.places.some((path) => differsAt(before, after, path));
    return (await compareTrees(before, after)).some(
      ({ path, from }) => paths.has(path) || (from !== undefined && paths.has(from)),
    );
  } finally {
    before.close();
    after.close();
  }
}

function differsAt(before: Tree, after: Tree, path: ByteString): boolean {
  const old = nodeAt(before, path);
  const now = nodeAt(after, path);
  if (old === undefined || now === undefined) return old !== now;
  const below = "digest" in old && "digest" in now && old.digest !== now.digest;
  return below || changeReasons(old, now).length > 0;
}
