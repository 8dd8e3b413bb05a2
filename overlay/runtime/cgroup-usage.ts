import type { ContainerUsage, NetworkUsage } from "../../core/ports/container-usage.js";

/** Gives the text of a file of a container's cgroup, such as `memory.current`; `undefined` when it is not there. */
export type CgroupFiles = (name: string) => string | undefined;

type CgroupUsage = Omit<ContainerUsage, "network">;

/** @param machineBytes The machine's memory. */
export function usageOfVersion1(file: CgroupFiles, machineBytes: number): CgroupUsage {
  const transfers = file("blkio.throttle.io_service_bytes_recursive") ?? file("blkio.throttle.io_service_bytes");
  return {
    cpuNanoseconds: numberIn(file("cpuacct.usage")),
    memoryBytes: memoryBytes(file("memory.usage_in_bytes"), file("memory.stat"), "total_inactive_file"),
    memoryLimitBytes: limitOf(file("memory.limit_in_bytes"), machineBytes),
    readBytes: sum(transfers, /^\d+:\d+ Read (\d+)$/gm),
    writtenBytes: sum(transfers, /^\d+:\d+ Write (\d+)$/gm),
    processes: numberIn(file("pids.current")),
  };
}

/** @param machineBytes The machine's memory. */
export function usageOfVersion2(file: CgroupFiles, machineBytes: number): CgroupUsage {
  const processorTime = file("cpu.stat");
  const transfers = file("io.stat");
  return {
    cpuNanoseconds: processorTime === undefined ? undefined : field(processorTime, "usage_usec") * 1000,
    memoryBytes: memoryBytes(file("memory.current"), file("memory.stat"), "inactive_file"),
    memoryLimitBytes: limitOf(file("memory.max"), machineBytes),
    readBytes: sum(transfers, /\brbytes=(\d+)/g),
    writtenBytes: sum(transfers, /\bwbytes=(\d+)/g),
    processes: numberIn(file("pids.current")),
  };
}

function memoryBytes(used: string | undefined, parts: string | undefined, cache: string): number | undefined {
  return used === undefined ? undefined : Math.max(0, numberOf(used) - field(parts ?? "", cache));
}

/** Of `/proc/PID/net/dev`, without what a container says to itself. */
export function networkUsage(devices: string): NetworkUsage {
  const usage = { receivedBytes: 0, sentBytes: 0 };
  for (const line of devices.split("\n")) {
    const [, name, numbers = ""] = /^\s*([^\s:]+):(.*)$/.exec(line) ?? [];
    if (name === undefined || name === "lo") continue;
    const columns = numbers.trim().split(/\s+/);
    usage.receivedBytes += numberOf(columns[0] ?? "");
    usage.sentBytes += numberOf(columns[8] ?? "");
  }
  return usage;
}

/** `max`, and in version 1 a number near 2^63, mean none. */
function limitOf(text: string | undefined, machineBytes: number): number | undefined {
  if (text === undefined) return undefined;
  const limit = /^\d+\s*$/.test(text) ? Number(text) : Infinity;
  return Math.min(limit, machineBytes);
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : numberOf(text);
}

function numberOf(text: string): number {
  return /^\d+\s*$/.test(text) ? Number(text) : 0;
}

/** Of lines of a name and a number. */
function field(text: string, name: string): number {
  return numberOf(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? "");
}

function sum(text: string | undefined, number: RegExp): number | undefined {
  return text === undefined ? undefined : [...text.matchAll(number)].reduce((total, [, digits]) => total + Number(digits), 0);
}
