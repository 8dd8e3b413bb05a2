import { VarveError } from "../errors.js";
import { conflictOf, type Limits } from "../ports/container-limits.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";

/** With `undefined` for a limit that is lifted. */
export type LimitChanges = { readonly [Name in keyof Limits]?: Limits[Name] | undefined };

/**
 * Changes limits of containers, of those that run at once. All are checked before one is changed.
 *
 * @throws VarveError TARGET_UNKNOWN, USAGE; RUNTIME_FAILED when the kernel refuses one: those before it in the list are changed then.
 */
export function updateLimits(
  { containers }: Repository,
  names: readonly string[],
  changes: LimitChanges,
): readonly ContainerRecord[] {
  const planned = names.map((name) => {
    const { record } = containers.find(name);
    const limits = changedLimits(record.configuration.limits, changes);
    requireConsistent(limits, `the limits of container "${record.name}"`);
    return { record, limits };
  });
  return planned.map(({ record, limits }) => containers.setLimits(record, limits));
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
