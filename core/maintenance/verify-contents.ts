import { VarveError } from "../errors.js";
import { textOf } from "../model/byte-string.js";
import type { LayerId } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import { removableCaches } from "./repair-store.js";
import type { LayerFault, StoreChecks, VerifyProgress } from "../ports/store-checks.js";

/**
 * Reads every file that a chain of layers shows, as the kernel would be given it, and compares it with its digest. Images that show several
 * layers, and are damaged while the layers are not, are removed: they are made again when the chain is mounted.
 *
 * @param chain Newest first, not empty.
 * @param observe Called now and then with the bytes read so far and in all.
 * @throws VarveError LAYER_CORRUPT, with the first path that is damaged.
 */
export async function verifyContents(
  repository: Repository,
  checks: StoreChecks,
  chain: readonly LayerId[],
  observe: (progress: VerifyProgress) => void,
): Promise<void> {
  const shown = await checks.verifyImages(await repository.layers.images(chain), observe);
  if (shown.size === 0) return;
  const lenders = chain.flatMap((id) => checks.lenders(id));
  const damaged = await checks.verifyLayers([...new Set([...chain, ...lenders])], true, observe);
  if (damaged.size > 0) throw damagedContents(damaged);
  for (const fault of removableCaches(repository.containers, await checks.cacheFaults())) checks.removeCache(fault);
}

function damagedContents(damaged: ReadonlyMap<LayerId, readonly LayerFault[]>): VarveError {
  const all = [...damaged].flatMap(([id, faults]) => faults.map((fault) => ({ id, ...fault })));
  // What a layer holds itself, rather than that another borrows it.
  const { id, path, state } = all.find(({ kind }) => kind !== "lender") ?? all[0]!;
  const others = all.length === 1 ? "" : ` (and ${all.length - 1} more)`;
  const what = path === undefined ? state : `a file of it ${state}`;
  return new VarveError("LAYER_CORRUPT", `Cannot verify layer "${id}": ${what}${others}`, {
    path: path === undefined ? undefined : `/${textOf(path)}`,
    hint: "`varve fsck` tells all that is damaged; `varve fsck --repair` mends what another layer still holds.",
    layers: [...damaged.keys()],
  });
}
