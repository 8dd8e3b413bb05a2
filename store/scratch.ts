import { accessSync, constants, existsSync, readFileSync, readdirSync, statSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { StoreLayout } from "./store-layout.js";

const NAME = /^[a-z-]+-(\d+)-\d+$/;
/** A process that started so much later than a file was touched can't be its writer, even if the clock was set meanwhile. */
const CLOCK_TOLERANCE_MILLISECONDS = 10_000;
/** `USER_HZ`, the unit of start times in /proc: 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

let written = 0;

/**
 * A path for something unfinished, that nobody has used: `scratch/<kind>-<pid>-<n>`. When this process dies, the next command removes it.
 *
 * @param kind Lower-case letters and dashes.
 */
export function scratchPath(layout: Pick<StoreLayout, "scratch">, kind: string): string {
  written += 1;
  return path.join(layout.scratch, `${kind}-${process.pid}-${written}`);
}

/** The same for who only reads: where this user may not write into the store, it lies among the system's temporary files. */
export function readersScratch(layout: Pick<StoreLayout, "scratch">, kind: string): string {
  try {
    accessSync(layout.scratch, constants.W_OK);
    return scratchPath(layout, kind);
  } catch {
    return scratchPath({ scratch: tmpdir() }, kind);
  }
}

/** Names in scratch/ that no living process can own, in ascending order. Names of another form are left alone. */
export function deadScratch(layout: StoreLayout): string[] {
  // It is missing where openStore could not make it again.
  if (!existsSync(layout.scratch)) return [];
  return readdirSync(layout.scratch)
    .filter((name) => isDeadScratch(layout, name))
    .sort();
}

/** Whether a name in scratch/ is one of ours, and no living process can own it. */
export function isDeadScratch({ scratch }: Pick<StoreLayout, "scratch">, name: string): boolean {
  const pid = NAME.exec(name)?.[1];
  return pid !== undefined && !mayOwn(Number(pid), path.join(scratch, name));
}

/** Removes an entry of scratch/. What can't be removed now is tried again by the next command. */
export function removeScratch(file: string): void {
  try {
    rmSync(file, { recursive: true, force: true });
  } catch {
    // A mount may still stand on it; its owner's clean-up comes first.
  }
}

/** Process ids are used again: a process that began after the file was last touched is somebody else. */
function mayOwn(pid: number, file: string): boolean {
  const started = startOfProcess(pid);
  if (started === undefined) return false;
  const touched = statSync(file, { throwIfNoEntry: false })?.ctimeMs;
  return touched === undefined || started <= touched + CLOCK_TOLERANCE_MILLISECONDS;
}

/** Milliseconds since 1970; `undefined` when no such process lives. See proc(5), field 22 of `stat`. */
function startOfProcess(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command, in parentheses, may hold spaces and parentheses: fields count from the last one.
    const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    const boot = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1]);
    return (boot + ticks / TICKS_PER_SECOND) * 1000;
  } catch {
    return undefined;
  }
}
