import { existsSync, readFileSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { cgroupMounts, cgroupPath } from "./cgroups.js";

const FILES = ["memory.oom_control", "memory.events"] as const;

/** How many processes of a container the kernel has killed for want of memory, while its cgroup stands. 0 without one. */
export function memoryKills(id: string): number {
  const files = cgroupMounts().flatMap(({ path }) => FILES.map((name) => `${path}${cgroupPath(id)}/${name}`));
  return Math.max(0, ...files.filter((file) => existsSync(file)).map((file) => parseMemoryKills(tryRead(file))));
}

/** Of `memory.oom_control` in version 1 (since Linux 4.13), of `memory.events` in version 2. */
export function parseMemoryKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

function tryRead(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV")) return "";
    throw error;
  }
}
