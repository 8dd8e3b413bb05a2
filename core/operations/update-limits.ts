import { VarveError } from "../errors.js";
import { conflictOf, type Limits } from "../ports/container-limits.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { LimitsUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { areSameLimits, moveContainers } from "./move-containers.js";
import { recordOperation } from "./record-operation.js";

/** With `undefined` for a limit that is lifted. */
export type LimitChanges = { readonly [Name in keyof Limits]?: Limits[Name] | undefined };

/**
 * Changes limits of containers, at once of those that run, as one operation.
 *
 * @param command What the person typed, for the operation log.
 * @throws VarveError TARGET_UNKNOWN, USAGE; RUNTIME_FAILED when the kernel refuses one. All are as they were then.
 */
export async function updateLimits(
  repository: Repository,
  words: readonly string[],
  { changes, command }: { readonly changes: LimitChanges; readonly command: string },
): Promise<readonly ContainerRecord[]> {
  return repository.exclusively(async () => {
    const { containers } = repository;
    const planned = new Map<string, LimitsUpdate>();
    for (const word of words) {
      const { id, name, configuration } = containers.find(word).record;
      const after = changedLimits(configuration.limits, changes);
      requireConsistent(after, `the limits of container "${name}"`);
      planned.set(id, { container: id, before: configuration.limits, after });
    }
    const limits = [...planned.values()];
    const changed = limits.filter(({ before, after }) => !areSameLimits(before, after));
    if (changed.length > 0) await recordOperation(repository, { command, refs: [], trees: [], limits: changed });
    // Those that have them by their records may lack them where they run.
    moveContainers(repository, { limits: limits.filter((update) => !changed.includes(update)) });
    return [...planned.keys()].map((id) => containers.find(id).record);
  });
}

export function changedLimits(limits: Limits, changes: LimitChanges): Limits {
  const all = Object.entries({ ...limits, ...changes });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

/** @throws VarveError USAGE. */
export function requireConsistent(limits: Limits, what = "these limits"): void {
  const conflict = conflictOf(limits);
  if (conflict !== undefined) throw new VarveError("USAGE", `Cannot set ${what}: ${conflict}`);
}
