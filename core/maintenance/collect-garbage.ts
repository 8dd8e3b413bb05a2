import type { CommitId, LayerId } from "../model/ids.js";
import type { Garbage, Waste } from "../ports/garbage.js";
import type { KeptBlob } from "../ports/blobs.js";
import type { Repository } from "../ports/repository.js";
import { STORE_EVENT } from "../events/store-event.js";
import { findReachable, type Reachable } from "./reachable-layers.js";

export interface CollectOptions {
  /** Operations younger than this can be undone afterwards. */
  readonly pruneAgeMilliseconds: number;
  /** Commits of cached runs that were used within this time are kept; by default all that are. */
  readonly cacheAgeMilliseconds?: number;
  /** Only tells what would go. */
  readonly dryRun: boolean;
  /** Whatever the clock said when it was done, nothing can be undone afterwards; images in quarantine go, too. */
  readonly everything?: boolean;
}

export interface CollectedItem {
  readonly id: LayerId;
  /** Bytes of disk. */
  readonly bytes: number;
}

export interface Collection {
  readonly layers: readonly CollectedItem[];
  /** Paths are below the store's directory. */
  readonly views: readonly { readonly path: string; readonly bytes: number }[];
  /** What was kept of images for the same digests. */
  readonly blobs: readonly KeptBlob[];
  /** Damaged images that fsck had taken out. Paths are below the store's directory. */
  readonly quarantined: readonly { readonly path: string; readonly bytes: number }[];
  /** What `undo` could have brought back; their hidden refs go. */
  readonly saved: readonly CommitId[];
  /** Commits of cached runs that are no longer offered: those that branches hold stay. */
  readonly cached: readonly CommitId[];
  readonly commits: readonly CommitId[];
  readonly gitObjects: { readonly count: number; readonly bytes: number };
  /** Of all that goes. */
  readonly bytes: number;
  readonly kept: { readonly commits: number; readonly layers: number; readonly bytes: number };
}

/**
 * Removes what nothing reaches: layers, saved trees, views, blobs and commits. Holds the store's lock from the first look to the last removal, and
 * whoever writes a layer holds it until a ref leads there: so nothing that another process is about to use is taken for garbage.
 *
 * @throws VarveError STORE_DAMAGED when it is not certain what must be kept; nothing was removed then.
 */
export async function collectGarbage(repository: Repository, garbage: Garbage, options: CollectOptions): Promise<Collection> {
  return repository.exclusively(() => collect(repository, garbage, options));
}

/** `collectGarbage`, for who holds the store's lock. */
export async function collect(repository: Repository, garbage: Garbage, options: CollectOptions): Promise<Collection> {
  const { everything = false } = options;
  const since = everything
    ? await endOfLog(repository, garbage)
    : new Date(garbage.now().getTime() - options.pruneAgeMilliseconds);
  const cachedSince = everything ? since : new Date(garbage.now().getTime() - (options.cacheAgeMilliseconds ?? Infinity));
  const reachable = await findReachable(repository, garbage, { since, cachedSince });
  const waste: Waste = { ...(await findWaste(repository, garbage, reachable)), ...(everything && purge(garbage)) };
  const collection = describe(repository, garbage, reachable, waste);
  if (!options.dryRun) {
    await remove(repository, garbage, { reachable, waste, since });
    const attributes = { layers: String(collection.layers.length), bytes: String(collection.bytes) };
    repository.events.note({ ...STORE_EVENT, action: "gc", attributes });
    repository.containers.clearLost();
  }
  return collection;
}

function purge(garbage: Garbage): Pick<Waste, "quarantined" | "contentIndex"> {
  return { quarantined: garbage.quarantined().map(({ path }) => path), contentIndex: true };
}

/** Now, or when the newest operation was: a clock may have been set back since. */
async function endOfLog({ operations }: Repository, garbage: Garbage): Promise<Date> {
  let end = garbage.now().getTime();
  for await (const { time } of operations.list()) {
    const at = Date.parse(time);
    if (at > end) end = at;
  }
  return new Date(end);
}

async function findWaste({ layers, blobs }: Repository, garbage: Garbage, reachable: Reachable): Promise<Waste> {
  return {
    layers: layers.list().filter((id) => !reachable.layers.has(id)),
    views: garbage.views().filter((view) => view.layers.some((id) => !reachable.layers.has(id))),
    blobs: blobs.list().filter(({ digest }) => !reachable.blobs.has(digest)),
    loose: await garbage.looseCommits(reachable.commits),
  };
}

function describe(
  { layers }: Repository,
  garbage: Garbage,
  { commits, layers: kept, staleSaved, staleCached }: Reachable,
  waste: Waste,
): Collection {
  const quarantined = garbage.quarantined().filter(({ path }) => waste.quarantined?.includes(path));
  const goingLayers = waste.layers.map((id) => ({ id, bytes: layers.storedBytes(id) }));
  const goingBlobs = waste.blobs ?? [];
  const goingViews = waste.views.map(({ path, bytes }) => ({ path, bytes }));
  return {
    layers: goingLayers,
    views: goingViews,
    blobs: goingBlobs,
    quarantined,
    saved: staleSaved.flatMap(({ commit }) => commit ?? []),
    cached: staleCached.flatMap(({ commit }) => commit ?? []),
    commits: waste.loose.commits,
    gitObjects: { count: waste.loose.objects.length, bytes: waste.loose.bytes },
    bytes: sum([...goingLayers, ...goingViews, ...goingBlobs, ...quarantined]) + waste.loose.bytes,
    kept: { commits: commits.size, layers: kept.size, bytes: sum([...kept].map((id) => ({ bytes: layers.storedBytes(id) }))) },
  };
}

function sum(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((total, { bytes }) => total + bytes, 0);
}

/** From what names to what is named: stopped anywhere, nothing that is left names something that is gone. */
async function remove(
  { history }: Repository,
  garbage: Garbage,
  { reachable, waste, since }: { readonly reachable: Reachable; readonly waste: Waste; readonly since: Date },
): Promise<void> {
  const stale = [...reachable.staleSaved, ...reachable.staleCached];
  if (stale.length + waste.loose.commits.length + waste.layers.length > 0) garbage.moveHorizon(since);
  await history.updateRefs(
    stale.map(({ name, commit }) => ({ name, before: commit, after: undefined })),
    "gc",
  );
  await garbage.remove(waste);
}
