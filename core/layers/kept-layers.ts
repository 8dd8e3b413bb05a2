import { VarveError } from "../errors.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { isHiddenRef } from "../revision/ref-names.js";
import { layerChain } from "./layer-chain.js";

/** Past so many layers, or so many refs, no more are looked for: a commit must not cost what the store's history is long. */
const ENOUGH_LAYERS = 50_000;
const ENOUGH_REFS = 256;

/**
 * Layers that branches and tags keep: as long as they stand, and longer when another layer borrows from them. Not what `undo` alone needs,
 * which shall go when its time has come. Those of the `parent`'s chain need not be among them.
 *
 * @param moving Refs that are about to leave where they stand.
 */
export async function keptLayers(
  history: History,
  parent: CommitId | undefined,
  moving: ReadonlySet<RefName> = new Set(),
): Promise<Set<LayerId>> {
  const kept = new Set<LayerId>();
  const seen = new Set<CommitId | undefined>([parent]);
  for (const prefix of ["refs/heads/", "refs/"]) {
    for (const { name, commit } of await history.listRefs(prefix)) {
      if (seen.size > ENOUGH_REFS || kept.size > ENOUGH_LAYERS) return kept;
      if (seen.has(commit) || isHiddenRef(name) || moving.has(name)) continue;
      seen.add(commit);
      for (const layer of await chainOf(history, commit)) kept.add(layer);
    }
  }
  return kept;
}

/** Nothing of a ref that can't be followed: whoever uses it hears of it. */
async function chainOf(history: History, commit: CommitId): Promise<readonly LayerId[]> {
  try {
    return await layerChain(history, commit);
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED") return [];
    throw error;
  }
}
