import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { VarveError } from "../../core/errors.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { freezerOf } from "../runtime/cgroups.js";
import type { ContainerDirectory } from "./container-directory.js";
import { integerOf, objectOf, textOf } from "../checked-json.js";
import { isAlive, ownMark, type ProcessMark } from "../own-process.js";

const LARGEST_MARK_BYTES = 4096;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Freezes a container, runs `work` and thaws it, also when `work` fails or a signal ends this process; after a kill -9 the next
 * command thaws it. One that is frozen already stays so.
 *
 * @throws VarveError RUNTIME_FAILED when its processes do not stop.
 */
export async function whileFrozen<T>(directory: ContainerDirectory, name: string, work: () => Promise<T>): Promise<T> {
  const freezer = freezerOf(directory.id);
  if (freezer === undefined || freezer.isFrozen()) return work();
  const thaw = (): void => {
    freezerOf(directory.id)?.thaw();
    rmSync(directory.file("paused.json"), { force: true });
  };
  const thawAndEnd = (signal: NodeJS.Signals): void => {
    // With others who listen, the signal ends `work` or the process: both ways lead to thawing.
    if (process.listenerCount(signal) > 1) return;
    thaw();
    process.removeListener(signal, thawAndEnd);
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, thawAndEnd);
  process.on("exit", thaw);
  try {
    writeFileSync(directory.file("paused.json"), JSON.stringify(ownMark()), { mode: 0o600 });
    if (!freezer.freeze()) throw notFrozen(name);
    return await work();
  } finally {
    thaw();
    process.removeListener("exit", thaw);
    for (const signal of SIGNALS) process.removeListener(signal, thawAndEnd);
  }
}

/** Thaws what a killed command of ours left frozen. A container that a person paused has no mark, and stays. */
export function thawAbandoned(directory: ContainerDirectory): void {
  const mark = readMark(directory);
  if (mark === undefined || isAlive(mark)) return;
  freezerOf(directory.id)?.thaw();
  rmSync(directory.file("paused.json"), { force: true });
}

export function notFrozen(name: string): VarveError {
  return new VarveError("RUNTIME_FAILED", `Cannot pause container "${name}": one of its processes does not stop`, {
    hint: "It waits for a device or a network filesystem. Run the command again later, or stop the container.",
  });
}

const POLL_MILLISECONDS = 10;

/** Resolves when no command has the container frozen for its own work. */
export async function afterPausedWork(directory: ContainerDirectory): Promise<void> {
  for (;;) {
    thawAbandoned(directory);
    if (readMark(directory) === undefined) return;
    await pause(POLL_MILLISECONDS);
  }
}

function readMark(directory: ContainerDirectory): ProcessMark | undefined {
  try {
    const text = readRegularFile(directory.file("paused.json"), { largest: LARGEST_MARK_BYTES }).toString("utf8");
    const { pid, start, boot } = objectOf(JSON.parse(text), "the mark");
    return { pid: integerOf(pid, "pid", 1), start: textOf(start, "start"), boot: textOf(boot, "boot") };
  } catch {
    return undefined;
  }
}
