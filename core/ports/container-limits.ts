/** What the processes of a container may use together. What is absent has no limit of its own. */
export interface Limits {
  readonly memoryBytes?: number;
  /** Memory and swap together; -1: swap without a limit. When absent, twice `memoryBytes`, as docker has it. */
  readonly memorySwapBytes?: number;
  /** What the kernel tries to press the container down to when memory is short. */
  readonly memoryReservationBytes?: number;
  readonly processes?: number;
  /** A share of time of all processors, such as 1.5; not beside `cpuPeriodMicroseconds` and `cpuQuotaMicroseconds`. */
  readonly cpus?: number;
  /** Against other cgroups, whose default is 1024. */
  readonly cpuShares?: number;
  readonly cpuPeriodMicroseconds?: number;
  readonly cpuQuotaMicroseconds?: number;
  /** Processors that may be used, such as `0-2,4`. */
  readonly cpuset?: string;
  /** Memory nodes that may be used, such as `0`. */
  readonly memoryNodes?: string;
  /** 10 to 1000, against other cgroups. */
  readonly blockWeight?: number;
  readonly blockRates?: readonly BlockRate[];
}

export const BLOCK_RATE_KINDS = ["readBytes", "writeBytes", "readOperations", "writeOperations"] as const;

/** How much a device may be used a second. */
export interface BlockRate {
  readonly kind: (typeof BLOCK_RATE_KINDS)[number];
  /** A block device of this machine, absolute. */
  readonly device: string;
  readonly rate: number;
}

export const LEAST_MEMORY_BYTES: number = 6 * 1024 ** 2;
/** PID_MAX_LIMIT of Linux. */
export const MOST_PROCESSES = 4_194_304;
export const CPU_SHARES = { least: 2, most: 262_144 } as const;
export const CPU_PERIOD_MICROSECONDS = { least: 1000, most: 1_000_000 } as const;
export const LEAST_CPU_QUOTA_MICROSECONDS = 1000;
export const BLOCK_WEIGHT = { least: 10, most: 1000 } as const;

/** A list of numbers and ranges, as the kernel writes it. */
export const CPU_LIST: RegExp = /^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/;

/** @returns Why limits that are each right can't stand together, in the words of the options; `undefined` when they can. */
export function conflictOf(limits: Limits): string | undefined {
  const { memoryBytes, memorySwapBytes: swap, memoryReservationBytes: reservation, cpus } = limits;
  if (swap !== undefined && memoryBytes === undefined) return "--memory-swap needs --memory: it is the sum of both";
  if (swap !== undefined && swap !== -1 && swap < memoryBytes!)
    return "--memory-swap is less than --memory: it is the sum of memory and swap";
  if (reservation !== undefined && memoryBytes !== undefined && reservation > memoryBytes)
    return "--memory-reservation is more than --memory";
  if (cpus !== undefined && (limits.cpuPeriodMicroseconds ?? limits.cpuQuotaMicroseconds) !== undefined)
    return "--cpus stands for --cpu-quota in a --cpu-period: give it alone, or the two";
  return undefined;
}
