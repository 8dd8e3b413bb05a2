import { VarveError } from "../../errors.js";
import { oldestFirst } from "../../history/oldest-first.js";
import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId, ContentDigest, LayerId, RefName } from "../../model/ids.js";
import { nodeAt, topmostPaths, treePathText } from "../../model/paths.js";
import type { Repository } from "../../ports/repository.js";
import { PASSING, SAVED } from "../../revision/ref-names.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { contentsAt, findHolders, type Holders } from "./find-holders.js";
import { matchPatterns, type MatchedPattern, type PathPattern } from "./match-patterns.js";
import { findTarget, openLiveTree, type Target } from "../targets.js";

export interface ForgettingScope {
  /** Paths to forget, with what stands below them; not the root. */
  readonly places: readonly ByteString[];
  /** The same for what matches one of them. */
  readonly patterns?: readonly PathPattern[];
  /** All branches, tags, stashes and containers when absent. */
  readonly branches?: readonly RefName[] | undefined;
}

export type ContainerTarget = Extract<Target, { kind: "container" }>;

/** What taking paths out of history comes to. */
export interface ForgettingPlan {
  /** None stands below another. */
  readonly places: readonly ByteString[];
  readonly matched: readonly MatchedPattern[];
  readonly refs: readonly { readonly name: RefName; readonly commit: CommitId }[];
  /** What the refs come from, oldest first. */
  readonly commits: readonly Commit[];
  readonly holders: Holders;
  /** Commits to be written anew. */
  readonly changed: ReadonlySet<CommitId>;
  /** Layers that nothing may lead to any more. */
  readonly dropped: ReadonlySet<LayerId>;
  readonly containers: readonly { readonly target: ContainerTarget }[];
  /** What files of containers hold that were not committed. */
  readonly uncommitted: ReadonlyMap<ContentDigest, number>;
}

export async function planForgetting(repository: Repository, scope: ForgettingScope): Promise<ForgettingPlan> {
  const { history, containers } = repository;
  const { branches, patterns = [] } = scope;
  const chosen = branches && new Set(branches);
  const refs = (await history.listRefs("refs/")).filter(({ name }) => !isPassing(name) && (chosen?.has(name) ?? true));
  const standing = containers.list().filter(({ record }) => chosen?.has(record.branch) ?? true);
  const commits = await oldestFirst(
    history,
    refs.map(({ commit }) => commit),
  );
  const bases = standing.map(({ record }) => record.base);
  const known = new Set(commits.map(({ id }) => id));
  const scanned = bases.every((base) => known.has(base))
    ? commits
    : await oldestFirst(history, [...refs.map(({ commit }) => commit), ...bases]);
  const changing = standing.filter(({ record }) => !containers.isFresh(record));
  const targets = changing.map(({ record }) => findTarget(repository, record.id));
  const matched = await matchPatterns(repository, scanned, targets, patterns);
  const places = topmostPaths([...scope.places, ...matched.flatMap(({ paths }) => paths)]);
  const holders = await findHolders(repository, scanned, places);
  const dropped = await layersToDrop(repository, scanned, holders);
  const changed = withDescendants(scanned, ({ layer }) => dropped.has(layer));
  const uncommitted = new Map<ContentDigest, number>();
  const concerned: { target: ContainerTarget }[] = [];
  for (const { record } of standing) {
    const target = findTarget(repository, record.id) as ContainerTarget;
    const own = await contentsOfContainer(repository, target, places);
    if (own === undefined && !changed.has(record.base)) continue;
    own?.forEach((size, digest) => uncommitted.set(digest, size));
    concerned.push({ target });
  }
  return { places, matched, refs, commits, holders, changed, dropped, containers: concerned, uncommitted };
}

/** @returns `undefined` for a container that has none of the paths. */
async function contentsOfContainer(
  repository: Repository,
  target: ContainerTarget,
  places: readonly ByteString[],
): Promise<ReadonlyMap<ContentDigest, number> | undefined> {
  if (repository.containers.isFresh(target.record)) return undefined;
  const { live, close } = await openLiveTree(repository, target);
  try {
    if (places.every((place) => nodeAt(live, place) === undefined)) return undefined;
    return await contentsAt(live, places);
  } finally {
    close();
  }
}

/** Layers that lead to a tree with one of the paths, or from one; and those that borrow from them. */
async function layersToDrop({ layers }: Repository, commits: readonly Commit[], holders: Holders): Promise<ReadonlySet<LayerId>> {
  const dropped = new Set<LayerId>();
  for (const { id, layer, parents } of commits) {
    const [parent] = parents;
    if (holders.commits.has(id) || (parent !== undefined && holders.commits.has(parent))) dropped.add(layer);
  }
  const borrowers = new Map<LayerId, LayerId[]>();
  for (const { layer } of commits) {
    if (isTurnDue()) await yieldToSignals();
    for (const lender of layers.lenders(layer)) push(borrowers, lender, layer);
  }
  // A set grows while it is walked.
  for (const layer of dropped) for (const borrower of borrowers.get(layer) ?? []) dropped.add(borrower);
  return dropped;
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

function withDescendants(commits: readonly Commit[], concerns: (commit: Commit) => boolean): ReadonlySet<CommitId> {
  const found = new Set<CommitId>();
  for (const commit of commits) {
    if (concerns(commit) || commit.parents.some((parent) => found.has(parent))) found.add(commit.id);
  }
  return found;
}

/** Kept for `undo`, or as long as a command runs. */
function isPassing(name: RefName): boolean {
  return name.startsWith(SAVED) || name.startsWith(PASSING);
}

export function heldByNone({ places, branches }: ForgettingScope): VarveError {
  const [place = ""] = places;
  const more = places.length > 1 ? ` and ${places.length - 1} more` : "";
  const where = branches === undefined ? "no commit and no container" : "no commit of the branch";
  return new VarveError("PATH_MISSING", `Cannot forget "${treePathText(place as ByteString)}"${more}: ${where} has it`, {
    path: treePathText(place as ByteString),
    hint: "Paths are those of the trees, from their root: `varve ls REV` lists what a commit holds.",
  });
}
