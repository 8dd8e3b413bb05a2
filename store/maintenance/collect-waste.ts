import { rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { Garbage, RefReading, Waste } from "../../core/ports/garbage.js";
import type { RefName } from "../../core/model/ids.js";
import type { History } from "../../core/ports/history.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { now } from "../clock.js";
import { replaceFile, syncNearest } from "../durable-file.js";
import { forgetVariants } from "../content-index/layer-variants.js";
import { looseObject } from "../git/loose-objects.js";
import { loggedBranches } from "../git/reflog.js";
import { listRefNames } from "../git/ref-files.js";
import { unpackedParts } from "../layers/unpacked-layers.js";
import { NameTable } from "../layers/name-table.js";
import { ProvenImages } from "../proofs/proven-images.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { listViews } from "./derived-images.js";
import { findLooseCommits } from "./loose-objects.js";
import { listQuarantine } from "./quarantine.js";
import { pruneReflogs } from "./prune-reflogs.js";
import { throwAway } from "./trash.js";

const LARGEST_TIME_BYTES = 64;
const NO_REGULAR_FILE = ["EFTYPE", "ELOOP", "ENXIO", "EISDIR", "EFBIG"];

/** Garbage of a store on the disk. */
export function openGarbage(layout: StoreLayout, history: History): Garbage {
  const proven = new ProvenImages(layout);
  return {
    now,
    refs: () => readRefs(layout, history),
    lenders: (id) => lendersOf(proven, id),
    views: () => listViews(layout),
    quarantined: () => listQuarantine(layout),
    looseCommits: (kept) => findLooseCommits(layout.git, kept),
    horizon: () => readHorizon(layout),
    moveHorizon: (time) => moveHorizon(layout, time),
    remove: (waste) => removeWaste(layout, waste),
  };
}

/** Every ref, each with what is wrong with it. */
export async function readRefs({ git }: StoreLayout, history: History): Promise<readonly RefReading[]> {
  const refs: RefReading[] = [];
  // One whose log alone is left is missing.
  for (const name of new Set([...listRefNames(git, "refs/"), ...loggedBranches(git)])) refs.push(await readRef(name, history));
  return refs.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readRef(name: RefName, history: History): Promise<RefReading> {
  try {
    return { name, commit: await history.readRef(name), failure: undefined };
  } catch (error) {
    if (error instanceof VarveError) return { name, commit: undefined, failure: error };
    throw error;
  }
}

/** Of a layer that is what its id says: another device table would have lenders taken for garbage. */
function lendersOf(proven: ProvenImages, id: LayerId): readonly LayerId[] {
  const images = proven.open();
  try {
    return images.get(id).devices;
  } finally {
    images.close();
  }
}

function horizonFile({ operations }: StoreLayout): string {
  return path.join(operations, "horizon");
}

export function readHorizon(layout: StoreLayout): Date | undefined {
  try {
    const time = new Date(readRegularFile(horizonFile(layout), { largest: LARGEST_TIME_BYTES }).toString("latin1").trim());
    // What can't be read tells nothing: then every operation may be concerned.
    return Number.isNaN(time.getTime()) ? now() : time;
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (errno === "ENOENT") return undefined;
    if (NO_REGULAR_FILE.includes(errno)) return now();
    throw systemFailure("read how far back operations can be undone", error, horizonFile(layout));
  }
}

function moveHorizon(layout: StoreLayout, time: Date): void {
  const known = readHorizon(layout);
  if (known !== undefined && known >= time) return;
  try {
    replaceFile(horizonFile(layout), Buffer.from(`${time.toISOString()}\n`), scratchPath(layout, "horizon"));
  } catch (error) {
    throw systemFailure("note how far back operations can be undone", error, horizonFile(layout));
  }
}

async function removeWaste(layout: StoreLayout, waste: Waste): Promise<void> {
  const { layers, views, loose, blobs = [], quarantined = [] } = waste;
  try {
    if (loose.commits.length > 0) {
      await pruneReflogs(layout, new Set(loose.commits));
      removeLoose(layout, loose.objects);
      // A cache, read whole and kept in memory: the other commits of the shard are decoded again.
      const shards = new Set(loose.commits.map((id) => path.join(layout.commitCache, id.slice(0, 2))));
      for (const shard of shards) rmSync(shard, { force: true });
    }
    throwAway(
      layout,
      layers.map((id) => layout.layer(id)),
    );
    if (layers.length > 0) {
      forgetVariants(layout, new Set(layers));
      new ProvenImages(layout).forget(new Set(layers));
      new NameTable(layout).forget(new Set(layers));
    }
    throwAway(
      layout,
      [...views.flatMap((view) => unpackedParts(view.path)), ...blobs.map((blob) => blob.path), ...quarantined].map((file) =>
        path.join(layout.root, file),
      ),
    );
    if (waste.contentIndex === true) throwAway(layout, [layout.contentIndex]);
  } catch (error) {
    throw systemFailure("remove garbage", error, layout.root);
  }
}

/** In their order, so that an object that stands never names one that is gone. Git may have packed or removed some meanwhile. */
function removeLoose({ git }: StoreLayout, ids: readonly string[]): void {
  const folders = new Set<string>();
  for (const id of ids) {
    const file = looseObject(git, id);
    rmSync(file, { force: true });
    folders.add(path.dirname(file));
  }
  for (const folder of folders) syncNearest(folder);
}
