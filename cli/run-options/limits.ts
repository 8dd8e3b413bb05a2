import { readFileSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import {
  BLOCK_WEIGHT,
  CPU_LIST,
  CPU_PERIOD_MICROSECONDS,
  CPU_SHARES,
  LEAST_CPU_QUOTA_MICROSECONDS,
  LEAST_MEMORY_BYTES,
  MOST_PROCESSES,
  type BlockRate,
  type Limits,
} from "../../core/ports/container-limits.js";
import { changedLimits, requireConsistent, type LimitChanges } from "../../core/operations/update-limits.js";
import type { OptionValues } from "../command.js";
import { bytesOf, countOf, cpusOf } from "../option-values.js";

/** Limits that can be changed while a container runs: docker's names. */
export const CHANGEABLE_LIMIT_OPTIONS = {
  memory: { type: "string", value: "SIZE", describe: "At most SIZE of memory, such as 512m" },
  "memory-swap": {
    type: "string",
    value: "SIZE",
    describe: "At most SIZE of memory and swap together (default: twice --memory; -1: any)",
  },
  "memory-reservation": { type: "string", value: "SIZE", describe: "Keep it to SIZE of memory when memory is short" },
  "pids-limit": { type: "string", value: "N", describe: "At most N processes (-1: any number)" },
  cpus: { type: "string", value: "N", describe: "At most N processors, such as 1.5" },
  "cpu-shares": { type: "string", value: "N", describe: "Share of processor time when others want it, too (default: 1024)" },
  "cpu-period": { type: "string", value: "USEC", describe: "Count --cpu-quota in periods of USEC microseconds" },
  "cpu-quota": { type: "string", value: "USEC", describe: "At most USEC microseconds of processor time a period" },
  "cpuset-cpus": { type: "string", value: "LIST", describe: "Run on these processors alone, such as 0-2,4" },
  "cpuset-mems": { type: "string", value: "LIST", describe: "Use these memory nodes alone, such as 0" },
  "blkio-weight": { type: "string", value: "N", describe: "Share of block I/O when others want it, too: 10 to 1000" },
} as const;

const RATE_OPTIONS = {
  "device-read-bps": { type: "string", array: true, value: "DEVICE:SIZE", describe: "Read at most SIZE a second from DEVICE" },
  "device-write-bps": { type: "string", array: true, value: "DEVICE:SIZE", describe: "Write at most SIZE a second to DEVICE" },
  "device-read-iops": { type: "string", array: true, value: "DEVICE:N", describe: "Read at most N times a second from DEVICE" },
  "device-write-iops": { type: "string", array: true, value: "DEVICE:N", describe: "Write at most N times a second to DEVICE" },
} as const;

const PROCESS_OPTIONS = {
  "oom-score-adj": { type: "string", value: "N", describe: "Be ended sooner (1000) or later (-1000) when memory is short" },
} as const;

export const LIMIT_OPTIONS: typeof CHANGEABLE_LIMIT_OPTIONS & typeof RATE_OPTIONS & typeof PROCESS_OPTIONS = {
  ...CHANGEABLE_LIMIT_OPTIONS,
  ...RATE_OPTIONS,
  ...PROCESS_OPTIONS,
};

/** @throws VarveError USAGE, SOURCE_MISSING. */
export function limitsOf(options: OptionValues<typeof LIMIT_OPTIONS>): Limits {
  const blockRates = [
    ...options["device-read-bps"].map((text) => rateOf("--device-read-bps", "readBytes", text)),
    ...options["device-write-bps"].map((text) => rateOf("--device-write-bps", "writeBytes", text)),
    ...options["device-read-iops"].map((text) => rateOf("--device-read-iops", "readOperations", text)),
    ...options["device-write-iops"].map((text) => rateOf("--device-write-iops", "writeOperations", text)),
  ];
  const limits = { ...changedLimits({}, changedLimitsOf(options)), ...(blockRates.length === 0 ? {} : { blockRates }) };
  requireConsistent(limits);
  return limits;
}

/** What the options say, with `undefined` for a limit that is lifted. What is not given is not there. @throws VarveError USAGE. */
export function changedLimitsOf(options: OptionValues<typeof CHANGEABLE_LIMIT_OPTIONS>): LimitChanges {
  const read = <T>(
    option: keyof typeof CHANGEABLE_LIMIT_OPTIONS,
    name: keyof Limits,
    reader: (option: string, text: string) => T,
  ) => {
    const text = options[option];
    return text === undefined ? {} : { [name]: reader(`--${option}`, text) };
  };
  return {
    ...read("memory", "memoryBytes", memoryOf),
    ...read("memory-swap", "memorySwapBytes", swapOf),
    ...read("memory-reservation", "memoryReservationBytes", memoryOf),
    ...read("pids-limit", "processes", processesOf),
    ...read("cpus", "cpus", availableCpusOf),
    ...read("cpu-shares", "cpuShares", (option, text) => between(option, text, CPU_SHARES)),
    ...read("cpu-period", "cpuPeriodMicroseconds", (option, text) => between(option, text, CPU_PERIOD_MICROSECONDS)),
    ...read("cpu-quota", "cpuQuotaMicroseconds", quotaOf),
    ...read("cpuset-cpus", "cpuset", (option, text) => availableOf(option, text, "/sys/devices/system/cpu/online")),
    ...read("cpuset-mems", "memoryNodes", (option, text) => availableOf(option, text, "/sys/devices/system/node/online")),
    ...read("blkio-weight", "blockWeight", (option, text) => between(option, text, BLOCK_WEIGHT)),
  };
}

/** @throws VarveError USAGE. */
export function oomScoreOf(text: string): number {
  const score = /^-?\d{1,4}$/.test(text) ? Number(text) : Infinity;
  if (Math.abs(score) <= 1000) return score;
  throw new VarveError("USAGE", `Cannot read --oom-score-adj "${text}": wanted a whole number from -1000 to 1000`);
}

/** What a runtime itself needs to start a process, as docker has it. */
function memoryOf(option: string, text: string): number {
  const bytes = bytesOf(option, text);
  if (bytes >= LEAST_MEMORY_BYTES) return bytes;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": no process starts with so little, wanted 6m or more`);
}

function swapOf(option: string, text: string): number {
  return text === "-1" ? -1 : bytesOf(option, text);
}

function processesOf(option: string, text: string): number | undefined {
  if (text === "-1") return undefined;
  const count = countOf(option, text);
  if (count <= MOST_PROCESSES) return count;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted ${MOST_PROCESSES} at most, which is the kernel's`);
}

function availableCpusOf(option: string, text: string): number {
  const [cpus, available] = [cpusOf(option, text), os.cpus().length];
  if (cpus <= available) return cpus;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted 0.01 to ${available}, since this machine has no more`);
}

function quotaOf(option: string, text: string): number | undefined {
  if (text === "-1") return undefined;
  return between(option, text, { least: LEAST_CPU_QUOTA_MICROSECONDS, most: 999_999_999 });
}

function between(option: string, text: string, { least, most }: { readonly least: number; readonly most: number }): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (number >= least && number <= most) return number;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a whole number from ${least} to ${most}`);
}

/** @param online Where the kernel lists what there is. */
function availableOf(option: string, text: string, online: string): string {
  if (!CPU_LIST.test(text) || rangesOf(text).some(([first, last]) => first > last)) {
    throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a list, such as 0-2,4`);
  }
  const there = onlineList(online);
  const isThere = (number: number): boolean => rangesOf(there).some(([first, last]) => number >= first && number <= last);
  const isMissing = ([first, last]: readonly [number, number]): boolean => {
    for (let number = first; number <= last; number++) if (!isThere(number)) return true;
    return false;
  };
  if (!rangesOf(text).some(isMissing)) return text;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": this machine has ${there}`);
}

function rangesOf(list: string): readonly (readonly [number, number])[] {
  return list.split(",").map((part) => {
    const [first = "", last = first] = part.split("-");
    return [Number(first), Number(last)];
  });
}

/** A kernel without memory nodes has one. */
function onlineList(file: string): string {
  try {
    return readFileSync(file, "latin1").trim();
  } catch {
    return "0";
  }
}

function rateOf(option: string, kind: BlockRate["kind"], text: string): BlockRate {
  const [, given = "", rate = ""] = /^(.+):([^:]+)$/.exec(text) ?? [];
  if (!path.isAbsolute(given)) {
    throw new VarveError(
      "USAGE",
      `Cannot read ${option} "${text}": wanted DEVICE:RATE, such as /dev/sda:${kind.endsWith("Bytes") ? "1m" : "100"}`,
    );
  }
  const device = path.resolve(given);
  const found = statSync(device, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new VarveError("SOURCE_MISSING", `Cannot limit "${given}": there is no such device on this machine`, { path: device });
  }
  if (!found.isBlockDevice()) throw new VarveError("USAGE", `Cannot limit "${given}" with ${option}: it is no block device`);
  return { kind, device, rate: kind.endsWith("Bytes") ? bytesOf(option, rate) : countOf(option, rate) };
}
