import type { ContainerRecord } from "../ports/containers.js";
import type { Effect, LimitsUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";

/** What an effect says of containers besides their trees. */
export type ContainerMoves = Pick<Effect, "standings" | "names" | "limits">;

/**
 * Puts containers on other branches, and gives them other names and limits. Those that are gone are passed over. Of two that swap their names both
 * have one for a moment, seen by those who read without the store's lock.
 *
 * @throws VarveError RUNTIME_FAILED when the kernel refuses a limit: all is as it was then.
 */
export function moveContainers({ containers }: Repository, { standings = [], names = [], limits = [] }: ContainerMoves): void {
  if (standings.length + names.length + limits.length === 0) return;
  const records = new Map(containers.list().map(({ record }) => [record.id, record]));
  // First what may be refused.
  setLimits({ containers }, records, limits);
  for (const { container, after } of standings) {
    const record = records.get(container);
    if (record !== undefined) containers.update(record, { branch: after.branch, branchMadeAt: after.branchMadeAt });
  }
  for (const { container, after } of names) {
    const record = records.get(container);
    if (record !== undefined && record.name !== after) containers.update(record, { name: after });
  }
}

function setLimits(
  { containers }: Pick<Repository, "containers">,
  records: ReadonlyMap<string, ContainerRecord>,
  limits: readonly LimitsUpdate[],
): void {
  const done: LimitsUpdate[] = [];
  try {
    for (const update of limits) {
      const record = records.get(update.container);
      if (record !== undefined) containers.setLimits(record, update.after);
      done.push(update);
    }
  } catch (error) {
    for (const { container, before } of done) {
      const record = records.get(container);
      if (record !== undefined) tryTo(() => containers.setLimits(record, before));
    }
    throw error;
  }
}

/** What was refused is what is to be told. */
function tryTo(work: () => void): void {
  try {
    work();
  } catch {
    // It keeps the new limits, which its record tells.
  }
}

/** Whether two sets of limits are the same, in whatever order they stand. */
export function areSameLimits(a: object, b: object): boolean {
  return sorted(a) === sorted(b);
}

function sorted(limits: object): string {
  return JSON.stringify(Object.entries(limits).sort(([a], [b]) => (a < b ? -1 : 1)));
}
