import { existsSync, readFileSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { cgroupMounts, cgroupPath } from "./cgroups.js";

const FILE = { 1: "memory.oom_control", 2: "memory.events" } as const;

/** How many processes of a container the kernel has killed for want of memory, while its cgroup stands. 0 without one. */
export function memoryKills(id: string): number {
  // Of those that count memory alone: a run asks several times.
  const mounts = cgroupMounts().filter(({ version, controllers }) => version === 2 || controllers.includes("memory"));
  const kills = mounts
    .map(({ path, version }) => `${path}${cgroupPath(id)}/${FILE[version]}`)
    .map(tryRead)
    .map(parseMemoryKills);
  return Math.max(0, ...kills);
}

/** Of `memory.oom_control` in version 1 (since Linux 4.13), of `memory.events` in version 2. */
export function parseMemoryKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

function tryRead(file: string): string {
  if (!existsSync(file)) return "";
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV")) return "";
    throw error;
  }
}
