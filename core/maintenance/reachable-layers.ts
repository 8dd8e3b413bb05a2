import { VarveError } from "../errors.js";
import type { Commit } from "../model/commit.js";
import type { CommitId, LayerId } from "../model/ids.js";
import { namedBlobs, type BlobDigest } from "../model/image.js";
import { CACHED, cachedAt, SAVED } from "../revision/ref-names.js";
import type { Garbage, RefReading } from "../ports/garbage.js";
import type { Operation } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** All that a store must keep. */
export interface Reachable {
  readonly commits: ReadonlySet<CommitId>;
  /** Those of the commits, of containers, and the layers that lend to them. */
  readonly layers: ReadonlySet<LayerId>;
  /** Those that the commits' images name: blobs by their digests, records of tars by their DiffIDs. */
  readonly blobs: ReadonlySet<BlobDigest>;
  /** Hidden refs that nothing which is kept names. */
  readonly staleSaved: readonly RefReading[];
  /** Those of cached runs that are too old. */
  readonly staleCached: readonly RefReading[];
}

export interface KeptTimes {
  /** Operations after this time are kept. */
  readonly since: Date;
  /** Commits of runs that were cached, or used last, after this time are kept. */
  readonly cachedSince: Date;
}

/**
 * What refs, containers, work in progress, younger operations and younger lines of reflogs lead to.
 *
 * @throws VarveError STORE_DAMAGED when something can't be followed: what it keeps is not known then, and nothing may be removed.
 */
export async function findReachable(
  repository: Repository,
  garbage: Garbage,
  { since, cachedSince }: KeptTimes,
): Promise<Reachable> {
  const refs = await readableRefs(garbage);
  const recent = await recentCommits(repository, garbage, refs, since);
  const containers = repository.containers.list().map(({ record }) => record);
  const needed = [
    ...containers.map(({ base }) => base),
    ...repository.inProgress.list().flatMap(({ progress }) => progress.commits),
  ];
  const named = new Set([...recent.certain, ...recent.likely, ...needed]);
  const staleSaved = await saved(repository, refs, named, since);
  const staleCached = staleRuns(refs, cachedSince);
  const gone = new Set([...staleSaved, ...staleCached].map(({ name }) => name));
  const tips = refs.flatMap(({ name, commit }) => (commit === undefined || gone.has(name) ? [] : [commit]));

  const commits = new Set<CommitId>();
  const layers = new Set(containers.flatMap((record) => record.layers));
  const blobs = new Set<BlobDigest>();
  const keep = ({ id, layer, image }: Commit): void => {
    commits.add(id);
    layers.add(layer);
    for (const digest of namedBlobs(image)) blobs.add(digest);
  };
  await follow(repository, [...tips, ...needed, ...recent.certain], commits, keep, false);
  await follow(repository, recent.likely, commits, keep, true);
  await addLenders(garbage, layers);
  return { commits, layers, blobs, staleSaved, staleCached };
}

async function readableRefs(garbage: Garbage): Promise<readonly RefReading[]> {
  const refs = await garbage.refs();
  const failed = refs.find(({ failure }) => failure !== undefined);
  if (failed === undefined) return refs;
  throw unknowable(`the ref "${failed.name}" can't be read`, failed.failure);
}

interface RecentCommits {
  /** Must be there. */
  readonly certain: ReadonlySet<CommitId>;
  /** Named before the horizon: an earlier collection may have removed them. */
  readonly likely: ReadonlySet<CommitId>;
}

async function recentCommits(
  { operations, history }: Repository,
  garbage: Garbage,
  refs: readonly RefReading[],
  since: Date,
): Promise<RecentCommits> {
  const [certain, likely] = [new Set<CommitId>(), new Set<CommitId>()];
  const horizon = garbage.horizon()?.getTime() ?? -Infinity;
  for await (const operation of operations.list()) {
    const time = Date.parse(operation.time);
    // A time that can't be read is no reason to lose something.
    if (time <= since.getTime()) continue;
    for (const commit of commitsOf(operation)) (time <= horizon ? likely : certain).add(commit);
  }
  // A crash may have moved a branch and not logged the operation: then the reflog alone knows.
  for (const name of ["HEAD" as const, ...refs.map((ref) => ref.name)]) {
    for (const { before, after, who } of await history.refLog(name)) {
      if (who.seconds * 1000 <= since.getTime()) continue;
      for (const commit of [before, after]) if (commit !== undefined) likely.add(commit);
    }
  }
  return { certain, likely };
}

/** Every commit that an operation names. */
export function commitsOf({ refs, trees, progress = [] }: Operation): readonly CommitId[] {
  const moved = [...refs, ...trees].flatMap(({ before, after }) => [before, after]).filter((commit) => commit !== undefined);
  return [...moved, ...progress.flatMap(({ before, after }) => [...(before?.commits ?? []), ...(after?.commits ?? [])])];
}

async function saved(
  { history }: Repository,
  refs: readonly RefReading[],
  named: ReadonlySet<CommitId>,
  since: Date,
): Promise<readonly RefReading[]> {
  const stale: RefReading[] = [];
  for (const ref of refs) {
    if (!ref.name.startsWith(SAVED) || ref.commit === undefined || named.has(ref.commit)) continue;
    const { committer } = await history.readCommit(ref.commit);
    if (committer.seconds * 1000 <= since.getTime()) stale.push(ref);
  }
  return stale;
}

function staleRuns(refs: readonly RefReading[], since: Date): readonly RefReading[] {
  return refs.filter(({ name, commit }) => {
    const seconds = name.startsWith(CACHED) ? cachedAt(name) : undefined;
    return commit !== undefined && seconds !== undefined && seconds * 1000 <= since.getTime();
  });
}

/** Goes from the tips to the first commits, each once. @param lenient Passes over what is gone. */
async function follow(
  repository: Repository,
  tips: Iterable<CommitId>,
  seen: ReadonlySet<CommitId>,
  keep: (commit: Commit) => void,
  lenient: boolean,
): Promise<void> {
  const pending = [...tips];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seen.has(id)) continue;
    if (isTurnDue()) await yieldToSignals();
    const commit = await readOrTell(repository, id);
    if (commit instanceof VarveError && !lenient) throw commit;
    if (commit instanceof VarveError) continue;
    keep(commit);
    pending.push(...commit.parents);
  }
}

async function readOrTell(
  { history, layers }: Pick<Repository, "history" | "layers">,
  id: CommitId,
): Promise<Commit | VarveError> {
  try {
    const commit = await history.readCommit(id);
    return layers.has(commit.layer) ? commit : unknowable(`layer "${commit.layer}" of commit "${id}" is missing`);
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED")
      return unknowable(`commit "${id}" can't be followed`, error);
    throw error;
  }
}

async function addLenders(garbage: Garbage, layers: Set<LayerId>): Promise<void> {
  // A set grows while it is walked.
  for (const layer of layers) {
    if (isTurnDue()) await yieldToSignals();
    for (const lender of garbage.lenders(layer)) layers.add(lender);
  }
}

function unknowable(state: string, cause?: unknown): VarveError {
  const path = cause instanceof VarveError ? cause.path : undefined;
  return new VarveError("STORE_DAMAGED", `Cannot tell what the store must keep: ${state}`, {
    path,
    hint: "Nothing was removed. Run `varve fsck` to see what is damaged, and repair that first.",
    cause,
  });
}
