import { closeSync, constants, fstatSync, ftruncateSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { VarveError } from "../core/errors.js";
import { yieldToSignals } from "../core/yield-to-signals.js";
import { tryLock } from "../linux/lock.js";
import { openRegularFile, readRegularFile } from "../linux/regular-file.js";
import type { StoreLayout } from "./store-layout.js";
import { errnoOf, systemFailure } from "./system-failure.js";

/** A command line may be long. */
const LARGEST_NOTE_BYTES = 2 ** 23;
const SHORTEST_WAIT_MILLISECONDS = 5;
const LONGEST_WAIT_MILLISECONDS = 100;
const PATIENCE_MILLISECONDS = 1000;

export interface LockOptions {
  /** Written into the lock file for whoever waits: `commit -m "new kernel"`. */
  readonly command?: string;
  /** `false`: throw STORE_LOCKED at once instead of waiting. */
  readonly wait?: boolean;
  /** Called once, after about a second of waiting. */
  readonly onWait?: (holder: LockHolder | undefined) => void;
}

/** Who holds the lock, as it wrote itself: for people, never for decisions. */
export interface LockHolder {
  readonly pid: number;
  readonly command: string;
}

/**
 * Runs `work` while this process alone holds the store's lock. The kernel gives the lock back when the process ends, however it
 * ends. Waiting leaves the event loop free, so signals are seen. Not re-entrant.
 *
 * @throws VarveError STORE_LOCKED with `wait: false`, INTERRUPTED while waiting, PERMISSION; STORE_MISSING when the store went meanwhile.
 */
export async function exclusively<T>(layout: StoreLayout, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const fd = openLock(layout);
  try {
    await acquire(fd, layout, options);
    if (fstatSync(fd).nlink === 0) throw isGone(layout);
    noteHolder(fd, `${process.pid} ${(options.command ?? process.argv.slice(2).join(" ")).replace(/\s+/g, " ")}\n`);
    try {
      return await work();
    } finally {
      noteHolder(fd, "");
    }
  } finally {
    closeSync(fd);
  }
}

function openLock(layout: StoreLayout): number {
  try {
    return openRegularFile(layout.lock, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw systemFailure("lock the store", error, layout.lock);
  }
}

async function acquire(fd: number, layout: StoreLayout, { wait = true, onWait }: LockOptions): Promise<void> {
  const began = performance.now();
  let told = false;
  for (let pause = SHORTEST_WAIT_MILLISECONDS; !tryStoreLock(fd, layout);) {
    if (!wait) throw locked(layout);
    if (!told && performance.now() - began >= PATIENCE_MILLISECONDS) {
      told = true;
      onWait?.(lockHolder(layout));
    }
    await sleep(pause);
    await yieldToSignals();
    pause = Math.min(pause * 2, LONGEST_WAIT_MILLISECONDS);
  }
}

function tryStoreLock(fd: number, layout: StoreLayout): boolean {
  try {
    return tryLock(fd, "exclusive");
  } catch (error) {
    const errno = errnoOf(error);
    // What the first call of the kernel needs besides: its library is a file.
    if (errno === "EMFILE" || errno === "ENFILE") throw systemFailure("lock the store", error, layout.lock);
    throw new VarveError("IO", `Cannot lock the store: flock failed with ${errno ?? "an unknown error"}`, {
      path: layout.lock,
      hint: "The store's filesystem must support flock(2); some network filesystems don't.",
      cause: error,
    });
  }
}

/** @returns `undefined` when nobody holds it, or nothing is known. */
export function lockHolder(layout: StoreLayout): LockHolder | undefined {
  try {
    const [, pid, command] =
      /^(\d+) (.*)\n/.exec(readRegularFile(layout.lock, { largest: LARGEST_NOTE_BYTES }).toString("utf8")) ?? [];
    return pid === undefined ? undefined : { pid: Number(pid), command: command ?? "" };
  } catch {
    return undefined;
  }
}

function noteHolder(fd: number, text: string): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, text, 0);
  } catch {
    // Information only: a full disk must not stop the work, nor hide its failure.
  }
}

/** Who made it took it away again, since its own work had failed. */
function isGone(layout: StoreLayout): VarveError {
  return new VarveError("STORE_MISSING", `Cannot lock the store "${layout.root}": it was taken away meanwhile`, {
    path: layout.root,
    hint: "The command that had just made it failed. Run this one again.",
  });
}

function locked(layout: StoreLayout): VarveError {
  const holder = lockHolder(layout);
  const who = holder ? `process ${holder.pid} (varve ${holder.command})` : "another process";
  return new VarveError("STORE_LOCKED", `Cannot lock the store: ${who} holds it`, {
    path: layout.lock,
    hint: "Wait for the other command to end, then run this one again.",
  });
}
