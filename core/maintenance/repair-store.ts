import type { LayerId } from "../model/ids.js";
import type { Containers } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import type { CacheFault, LayerFault, StoreChecks } from "../ports/store-checks.js";
import { OPERATION_LOG, type CheckedHistory } from "./check-history.js";

/** All that was found, before it is told what it touches. */
export interface Damage {
  readonly layers: ReadonlyMap<LayerId, readonly LayerFault[]>;
  readonly history: CheckedHistory;
  /** By lender: the layers whose files have blocks there. */
  readonly borrowers: ReadonlyMap<LayerId, readonly LayerId[]>;
  readonly caches: readonly CacheFault[];
}

export interface Repairs {
  /** Layers that are whole again, with what was done. */
  readonly restored: ReadonlyMap<LayerId, string>;
  readonly quarantined: ReadonlyMap<LayerId, string>;
  readonly caches: ReadonlySet<string>;
  /** What was done about the operation log. */
  readonly log: string | undefined;
}

/**
 * Mends what can be mended without a loss: caches are removed, damaged contents are fetched from layers, or files of the tracked directory,
 * that hold the same bytes, and a damaged layer that can't be made whole is moved to quarantine, where writing or importing the same tree again finds its place free. Of an operation log
 * the damaged records go. The store's lock is held.
 */
export async function repairStore({ layers, containers }: Repository, checks: StoreChecks, damage: Damage): Promise<Repairs> {
  const restored = new Map<LayerId, string>();
  const quarantined = new Map<LayerId, string>();
  for (const [id, faults] of damage.layers) {
    // What is wrong with a lender is told, and mended, there.
    if (!layers.has(id) || faults.every(({ kind }) => kind === "lender")) continue;
    if (canRestore(faults) && (await checks.restoreContents(id, faults))) {
      restored.set(id, "its contents were fetched from where the same bytes stood; the damaged image is in quarantine");
    } else quarantined.set(id, `moved to ${checks.quarantine(id)}`);
  }
  const caches = removableCaches(containers, damage.caches);
  for (const fault of caches) checks.removeCache(fault);
  checks.forgetCommits(damage.history.wronglyCached);
  return { restored, quarantined, caches: new Set(caches.map(({ path }) => path)), log: mendLog(checks, damage) };
}

/** Without those that a container which runs may read. */
export function removableCaches(containers: Containers, faults: readonly CacheFault[]): readonly CacheFault[] {
  if (!faults.some(({ mounted }) => mounted) || containers.list().every(({ pid }) => pid === undefined)) return faults;
  return faults.filter(({ mounted }) => mounted !== true);
}

/** What its lost records told nobody knows; what stands in the store is not concerned. */
function mendLog(checks: StoreChecks, { history }: Damage): string | undefined {
  if (!history.faults.some(({ name }) => name === OPERATION_LOG)) return undefined;
  const mended = checks.mendOperationLog();
  if (mended === undefined) return undefined;
  const { quarantined, kept, lost } = mended;
  return `${kept} sound ${kept === 1 ? "record" : "records"} kept, ${lost} lost; as it was it is in ${quarantined}`;
}

/** Its metadata is sound, which tells what each content must be. */
function canRestore(faults: readonly LayerFault[]): boolean {
  return faults.every(({ kind }) => kind !== "image");
}
