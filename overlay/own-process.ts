import { readFileSync } from "node:fs";

/** A process for all time on one machine: its number is used again, the time of its start and the boot are not. */
export interface ProcessMark {
  readonly pid: number;
  /** In clock ticks since the boot: field 22 of /proc/PID/stat. */
  readonly start: string;
  readonly boot: string;
}

export function ownMark(): ProcessMark {
  return markOf(process.pid);
}

export function markOf(pid: number): ProcessMark {
  return { pid, start: startOf(pid) ?? "", boot: bootId() };
}

export function isAlive({ pid, start, boot }: ProcessMark): boolean {
  return boot === bootId() && start === startOf(pid);
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/**
 * When a process was started, in clock ticks since the boot. Fields are counted after the last `)`: the name before it may hold anything.
 * @returns `undefined` when there is no such process.
 */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
