import { statSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { BlockRate, Limits } from "../../core/ports/container-limits.js";

/** `linux.resources` of an OCI configuration. Values are those of cgroup version 1: with version 2 the runtime converts them. */
export interface LimitResources {
  readonly memory?: { readonly limit?: number; readonly swap?: number; readonly reservation?: number };
  readonly pids?: { readonly limit: number };
  readonly cpu?: {
    readonly quota?: number;
    readonly period?: number;
    readonly shares?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly blockIO?: Readonly<Record<string, unknown>>;
}

export const CPU_PERIOD_MICROSECONDS = 100_000;
const LEAST_QUOTA_MICROSECONDS = 1000;

/**
 * @param limitsSwap Whether this machine's kernel can.
 * @throws VarveError SOURCE_MISSING when a device is gone.
 */
export function limitResources(limits: Limits, limitsSwap: boolean): LimitResources {
  const { memoryBytes, memorySwapBytes, memoryReservationBytes, cpus, processes } = limits;
  const memory = {
    ...(memoryBytes === undefined
      ? {}
      : { limit: memoryBytes, ...optional("swap", memorySwapBytes ?? (limitsSwap ? memoryBytes * 2 : undefined)) }),
    ...optional("reservation", memoryReservationBytes),
  };
  const time = cpus === undefined ? {} : { quota: quotaOf(cpus), period: CPU_PERIOD_MICROSECONDS };
  const cpu = {
    ...time,
    ...optional("quota", limits.cpuQuotaMicroseconds),
    ...optional("period", limits.cpuPeriodMicroseconds),
    ...optional("shares", limits.cpuShares),
    ...optional("cpus", limits.cpuset),
    ...optional("mems", limits.memoryNodes),
  };
  const blockIO = { ...optional("weight", limits.blockWeight), ...throttles(limits.blockRates ?? []) };
  return {
    ...(isEmpty(memory) ? {} : { memory }),
    ...(processes === undefined ? {} : { pids: { limit: processes } }),
    ...(isEmpty(cpu) ? {} : { cpu }),
    ...(isEmpty(blockIO) ? {} : { blockIO }),
  };
}

function quotaOf(cpus: number): number {
  return Math.max(LEAST_QUOTA_MICROSECONDS, Math.round(cpus * CPU_PERIOD_MICROSECONDS));
}

const THROTTLES: Readonly<Record<BlockRate["kind"], string>> = {
  readBytes: "throttleReadBpsDevice",
  writeBytes: "throttleWriteBpsDevice",
  readOperations: "throttleReadIOPSDevice",
  writeOperations: "throttleWriteIOPSDevice",
};

function throttles(rates: readonly BlockRate[]): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown[]> = {};
  for (const { kind, device, rate } of rates) (found[THROTTLES[kind]] ??= []).push({ ...deviceNumber(device), rate });
  return found;
}

/** At each start: a device may have another number after the machine's. */
function deviceNumber(device: string): { readonly major: number; readonly minor: number } {
  const found = statSync(device, { throwIfNoEntry: false, bigint: true });
  if (found?.isBlockDevice() !== true) {
    throw new VarveError("SOURCE_MISSING", `Cannot limit "${device}": there is no such block device on this machine`, {
      path: device,
    });
  }
  // The kernel's dev_t in its long form: 12 + 20 bits of a major number, 8 + 24 of a minor.
  const { rdev } = found;
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}

function optional<Name extends string, T>(name: Name, value: T | undefined): Partial<Record<Name, T>> {
  return value === undefined ? {} : ({ [name]: value } as Partial<Record<Name, T>>);
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}
