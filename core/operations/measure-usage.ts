import type { ContainerUsage } from "../ports/container-usage.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";

export interface Measured {
  readonly record: ContainerRecord;
  /** `undefined` when it does not run. */
  readonly usage: ContainerUsage | undefined;
  /** Of one processor, since the last look: 200 with two of them. `undefined` at the first, and where nobody counts it. */
  readonly cpuPercent: number | undefined;
  readonly atMilliseconds: number;
}

/**
 * Looks at what containers use.
 *
 * @param names Those that run when there is none.
 * @param earlier What the last look has told.
 * @throws VarveError TARGET_UNKNOWN.
 */
export function measureUsage(
  { containers }: Repository,
  names: readonly string[],
  earlier: readonly Measured[],
): readonly Measured[] {
  const statuses =
    names.length > 0 ? names.map((name) => containers.find(name)) : containers.list().filter(({ pid }) => pid !== undefined);
  return statuses.map(({ record }) => {
    const usage = containers.usage(record);
    const atMilliseconds = performance.now();
    const before = earlier.find((other) => other.record.id === record.id);
    return { record, usage, atMilliseconds, cpuPercent: cpuPercent(before, usage, atMilliseconds) };
  });
}

function cpuPercent(before: Measured | undefined, usage: ContainerUsage | undefined, now: number): number | undefined {
  const [first, last] = [before?.usage?.cpuNanoseconds, usage?.cpuNanoseconds];
  if (before === undefined || first === undefined || last === undefined || now <= before.atMilliseconds) return undefined;
  const usedMilliseconds = (last - first) / 1e6;
  // Less than before: it was started anew.
  return Math.max(0, (100 * usedMilliseconds) / (now - before.atMilliseconds));
}
