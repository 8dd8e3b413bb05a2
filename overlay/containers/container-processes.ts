import { readFileSync } from "node:fs";
import type { ContainerProcess } from "../../core/ports/container-process.js";
import { hasCode } from "../../linux/errno.js";
import { notRunning } from "./background.js";
import type { ContainerDirectory } from "./container-directory.js";
import { companionsOf, livingProcess } from "./container-process.js";

/** `Containers.processes`. */
export function listProcesses(directory: ContainerDirectory, name: string): readonly ContainerProcess[] {
  const first = livingProcess(directory);
  if (first === undefined) throw notRunning("list the processes of", name);
  return [first, ...companionsOf(first)].flatMap((pid) => readProcess(pid) ?? []).sort((a, b) => a.pid - b.pid);
}

/** @returns `undefined` when it has ended meanwhile. */
function readProcess(pid: number): ContainerProcess | undefined {
  const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "utf8");
  try {
    return parseProcess(pid, { stat: read("stat"), status: read("status"), cmdline: read("cmdline") });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

/** The unit of times in /proc is the same on every machine. */
const MILLISECONDS_A_TICK = 10;

/** @param files Of `/proc/PID`. */
export function parseProcess(
  pid: number,
  { stat, status, cmdline }: { readonly stat: string; readonly status: string; readonly cmdline: string },
): ContainerProcess {
  // The name, in brackets, may hold anything, brackets too.
  const end = stat.lastIndexOf(")");
  const name = stat.slice(stat.indexOf("(") + 1, end);
  const fields = stat.slice(end + 2).split(" ");
  const words = cmdline.replace(/\0+$/, "");
  return {
    pid,
    parent: Number(fields[1]),
    uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? 0),
    cpuMilliseconds: (Number(fields[11]) + Number(fields[12])) * MILLISECONDS_A_TICK,
    command: words === "" ? [name] : words.split("\0"),
  };
}
