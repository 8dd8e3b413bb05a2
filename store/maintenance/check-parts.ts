import { rmSync, statSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { VarveError } from "../../core/errors.js";
import type { Commit } from "../../core/model/commit.js";
import { parseCommitId, parseLayerId, type LayerId } from "../../core/model/ids.js";
import type { ContainerReading, StoreChecks } from "../../core/ports/store-checks.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { DeviceTables } from "../content-index/device-tables.js";
import { CommitCache } from "../git/commit-cache.js";
import { mendOperationLog } from "./mend-log.js";
import { gitHistory } from "../git/git-history.js";
import { listPacks } from "../layers/layer-packs.js";
import { unpackedParts } from "../layers/unpacked-layers.js";
import { listRuns } from "../layers/layer-runs.js";
import type { StoreLayout } from "../store-layout.js";
import { findCacheFaults, findLeftovers, namesIn } from "./cache-faults.js";
import { readHorizon, readRefs } from "./collect-waste.js";
import { CheckpointedTrees } from "./checkpointed-trees.js";
import { quarantine } from "./quarantine.js";
import { throwAway } from "./trash.js";

const LARGEST_RECORD_BYTES = 2 ** 24;

/** Checks of a store on the disk. @param tracked The directory that it tracks. */
export function openChecks(layout: StoreLayout, tracked?: string): StoreChecks {
  // A cache in a folder that is not there: nothing is found in it, nothing is put into it.
  const history = gitHistory({ ...layout, commitCache: path.join(layout.root, "no-cache") });
  const cache = new CommitCache(layout.commitCache);
  return {
    verifyLayers: async (ids, content, observe) => {
      const { verifyLayers } = await import("./verify-pool.js");
      return verifyLayers(ids, { layers: layout.layers, content, observe });
    },
    verifyImages: async (images, observe) => {
      const { verifyLayers } = await import("./verify-pool.js");
      const elsewhere = new Map([...listRuns(layout), ...listPacks(layout)].map(({ id, file }) => [id, file]));
      const ids = images.map(({ id }) => id);
      return verifyLayers(ids, { layers: layout.layers, elsewhere, content: true, observe });
    },
    lenders: (id) => [...new DeviceTables([id], (layer) => layout.layer(layer)).lenders.keys()],
    refs: () => readRefs(layout, history),
    headFault: async () => {
      try {
        await history.head();
        const logs = statSync(path.join(layout.git, "logs"), { throwIfNoEntry: false });
        return logs?.isDirectory() === false ? "its log, and all others, can't be written: git/logs is no directory" : undefined;
      } catch (error) {
        return faultOf(error);
      }
    },
    readCommit: (id) => history.readCommit(id),
    isCachedWrong: async (commit) => isCachedWrong(cache, commit),
    containers: () => readContainers(layout),
    openTrees: () => new CheckpointedTrees(layout),
    cacheFaults: () => findCacheFaults(layout),
    leftovers: () => findLeftovers(layout),
    horizon: () => readHorizon(layout),
    forgetCommits: (ids) => {
      for (const shard of new Set(ids.map((id) => id.slice(0, 2)))) rmSync(path.join(layout.commitCache, shard), { force: true });
    },
    removeCache: (fault) => throwAway(layout, unpackedParts(path.join(layout.root, fault.path))),
    removeBlob: (blob) => throwAway(layout, [path.join(layout.root, blob.path)]),
    restoreContents: async (id, faults) => {
      const { restoreContents } = await import("./restore-contents.js");
      const others = namesIn(layout.layers).filter((name) => name !== id && /^[0-9a-f]{64}$/.test(name)) as LayerId[];
      return restoreContents(layout, id, faults, { others, tracked });
    },
    mendOperationLog: () => mendOperationLog(layout),
    quarantine: (id) => quarantine(layout, id),
  };
}

function isCachedWrong(cache: CommitCache, commit: Commit): boolean {
  try {
    const cached = cache.get(commit.id);
    return cached !== undefined && !isDeepStrictEqual(asJson(cached), asJson(commit));
  } catch {
    return true; // its checksum is right, its JSON is none
  }
}

/** Absent and undefined are alike. */
function asJson(commit: Commit): unknown {
  return JSON.parse(JSON.stringify(commit));
}

function readContainers({ containers }: StoreLayout): readonly ContainerReading[] {
  return namesIn(containers)
    .filter((name) => /^[0-9a-f]{12}$/.test(name))
    .map((id) => {
      const file = path.join(containers, id, "container.json");
      try {
        return {
          id,
          path: file,
          record: recordOf(readRegularFile(file, { largest: LARGEST_RECORD_BYTES }).toString("utf8")),
          fault: undefined,
        };
      } catch (error) {
        return { id, path: file, record: undefined, fault: `its record can't be read: ${(error as Error).message}` };
      }
    });
}

/** As far as it leads to commits and layers. */
function recordOf(text: string): ContainerReading["record"] {
  const { name, base, layers } = JSON.parse(text) as { name: unknown; base: unknown; layers: unknown };
  if (typeof name !== "string" || !Array.isArray(layers)) throw new TypeError("its name or layers are missing");
  return { name, base: parseCommitId(base), layers: layers.map(parseLayerId) };
}

function faultOf(error: unknown): string {
  if (error instanceof VarveError) return error.message;
  throw error;
}
