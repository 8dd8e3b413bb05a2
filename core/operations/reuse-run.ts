import { VarveError } from "../errors.js";
import type { Commit, Origin, Ref } from "../model/commit.js";
import type { CommitId, RefName, TreeId } from "../model/ids.js";
import type { RunConfiguration } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import { cacheKey, type InputDigest } from "../cache/cache-key.js";
import { digestInput } from "../cache/input-digest.js";
import { commitTree } from "../layers/commit-tree.js";
import { layerChain } from "../layers/layer-chain.js";
import { CACHED, cachedAt, cachedRef } from "../revision/ref-names.js";
import { requireFree } from "./branches.js";
import { recordOperation } from "./record-operation.js";
import { openCommitTree } from "./targets.js";

export interface CachedRun {
  readonly parent: CommitId;
  readonly configuration: RunConfiguration;
  readonly namesHost: boolean;
  /** Paths of this machine that the process's result depends on, beside its volumes: as they were given, and absolute. */
  readonly inputs: readonly { readonly name: string; readonly path: string }[];
}

/**
 * What tells a run from others. Reads every file of its volumes and inputs.
 * @returns 64 hex digits.
 * @throws VarveError USAGE for a volume that the process may write to; what `digestInput` throws.
 */
export async function keyOfRun({ history, directories }: Repository, run: CachedRun): Promise<string> {
  const { configuration, namesHost } = run;
  const volumes: InputDigest[] = [];
  for (const { source, destination, readOnly, named, anonymous } of configuration.volumes) {
    if (anonymous === true) throw uncommitted(destination);
    if (named === true) throw unseen(source);
    if (!readOnly) throw writable(source, destination);
    volumes.push({ name: destination, digest: await digestInput(directories, source) });
  }
  const inputs: InputDigest[] = [];
  for (const { name, path } of run.inputs) inputs.push({ name, digest: await digestInput(directories, path) });
  const parent = await history.readCommit(run.parent);
  return cacheKey({ parent, configuration, namesHost, volumes, inputs });
}

export interface ReuseOptions {
  readonly key: string;
  readonly parent: CommitId;
  readonly branch: RefName;
  /** What the person typed, for the operation log. */
  readonly command: string;
}

export interface ReusedRun {
  /** The branch's new commit; the run that was reused changed nothing where `isEmpty`. */
  readonly commit: Commit;
  readonly isEmpty: boolean;
}

/**
 * Gives the branch the commit that an earlier run of the same kind made. Where the parent has the same tree but is another commit, a new
 * commit with the same layer is put on it, so that the branch's history stays its own.
 *
 * @returns `undefined` when there is none, or it is not whole any more.
 * @throws VarveError BRANCH_BUSY; CONFLICT when the branch stands elsewhere than at the parent.
 */
export async function reuseRun(repository: Repository, options: ReuseOptions): Promise<ReusedRun | undefined> {
  const { key, parent, branch, command } = options;
  return repository.exclusively(async () => {
    const { history } = repository;
    const entry = await newestEntry(repository, key);
    const { tree } = await history.readCommit(parent);
    const cached = entry && (await wholeCommit(repository, entry.commit, tree));
    if (entry === undefined || cached === undefined) return undefined;
    await requireFree(repository, branch, "use");
    const before = await history.readRef(branch);
    if (before !== undefined && before !== parent) throw elsewhere(branch, before, parent);
    if (isOfAnotherDay(entry)) await keepEntry(repository, key, cached.id);
    if (cached.tree === tree) return { commit: cached, isEmpty: true };
    const commit = cached.parents[0] === parent ? cached : await onParent(repository, cached, parent);
    await recordOperation(repository, { command, refs: [{ name: branch, before, after: commit.id }], trees: [] });
    return { commit, isEmpty: false };
  });
}

/** The commit of a cache entry, when all layers that its tree needs are there, and it was made on that tree: another would bring all of its own. */
async function wholeCommit({ history, layers }: Repository, id: CommitId, from: TreeId): Promise<Commit | undefined> {
  try {
    const commit = await history.readCommit(id);
    const [parent, ...others] = commit.parents;
    if (parent === undefined || others.length > 0 || (await history.readCommit(parent)).tree !== from) return undefined;
    return (await layerChain(history, id)).every((layer) => layers.has(layer)) ? commit : undefined;
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED") return undefined;
    throw error;
  }
}

/** A layer leads from tree to tree, whatever commits have them. */
async function onParent({ history }: Repository, cached: Commit, parent: CommitId): Promise<Commit> {
  const { layer, tree, added, modified, deleted, storedBytes, message, config, origin } = cached;
  const record = { layer, tree, added, modified, deleted, storedBytes };
  const id = await history.writeCommit({ ...record, message, config, origin, parents: [parent], author: await history.author() });
  return history.readCommit(id);
}

export interface RememberOptions {
  readonly key: string;
  readonly parent: CommitId;
  /** What the run made; `undefined`: it changed nothing, which is worth to be known, too. */
  readonly commit: CommitId | undefined;
  readonly message: string;
  readonly origin: Origin;
}

/** Keeps what a run made for later ones of its kind. Not an operation: `undo` takes back what branches got, and the cache stays true. */
export async function rememberRun(
  repository: Repository,
  { key, parent, commit, message, origin }: RememberOptions,
): Promise<void> {
  await repository.exclusively(async () => {
    const made = commit ?? (await emptyCommit(repository, parent, message, origin));
    if (made !== undefined) await keepEntry(repository, key, made);
  });
}

async function emptyCommit(
  repository: Repository,
  parent: CommitId,
  message: string,
  origin: Origin,
): Promise<CommitId | undefined> {
  const base = await openCommitTree(repository, parent);
  try {
    const options = { parent, base, target: async () => base, message, origin, allowEmpty: true };
    return (await commitTree(repository, options))?.id;
  } finally {
    base.close();
  }
}

function entriesOf({ history }: Repository, key: string): Promise<readonly Ref[]> {
  return history.listRefs(`${CACHED}${key}/`);
}

async function newestEntry(repository: Repository, key: string): Promise<Ref | undefined> {
  const entries = await entriesOf(repository, key);
  return [...entries].sort((a, b) => (cachedAt(b.name) ?? 0) - (cachedAt(a.name) ?? 0))[0];
}

const DAY_SECONDS = 86_400;

function isOfAnotherDay({ name }: Ref): boolean {
  return Math.abs(Date.now() / 1000 - (cachedAt(name) ?? 0)) > DAY_SECONDS;
}

/** One entry a key, with the time of its use: garbage collection goes by that, and a commit's own may be pinned. */
async function keepEntry(repository: Repository, key: string, commit: CommitId): Promise<void> {
  const name = cachedRef(key, Date.now() / 1000);
  const entries = await entriesOf(repository, key);
  const others = entries.filter((entry) => entry.name !== name);
  const before = entries.find((entry) => entry.name === name)?.commit;
  await repository.history.updateRefs([
    ...(before === commit ? [] : [{ name, before, after: commit }]),
    ...others.map((entry) => ({ name: entry.name, before: entry.commit, after: undefined })),
  ]);
}

function elsewhere(branch: RefName, at: CommitId, parent: CommitId): VarveError {
  const short = branch.replace("refs/heads/", "");
  return new VarveError(
    "CONFLICT",
    `Cannot give branch "${short}" a cached commit: it stands at ${at.slice(0, 12)}, not ${parent.slice(0, 12)}`,
    { hint: `Run ${short} itself to go on from there, or put it back first: varve branch -f ${short} REV` },
  );
}

function unseen(volume: string): VarveError {
  return new VarveError(
    "USAGE",
    `Cannot cache the run: what the volume "${volume}" holds is not compared with an earlier run's`,
    {
      hint: "Show a directory of this machine read-only in its place, or leave out --cache.",
    },
  );
}

function uncommitted(destination: string): VarveError {
  return new VarveError(
    "USAGE",
    `Cannot cache the run: what it writes to the volume "${destination}" is in no commit, and goes with it`,
    { hint: "Leave that volume out, so that it stands in the tree, or leave out --cache." },
  );
}

function writable(source: string, destination: string): VarveError {
  return new VarveError(
    "USAGE",
    `Cannot cache the run: it may write to the volume "${destination}", so that a commit does not hold all it makes`,
    {
      hint: `Show it read-only (-v ${source}:${destination}:ro): then what it holds is part of what is compared. Or leave out --cache.`,
    },
  );
}
