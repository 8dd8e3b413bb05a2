import { mkdtempSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { hasCode } from "../linux/errno.js";
import { tryLock } from "../linux/lock.js";
import { AT_FDCWD, closeDescriptor, OPEN_DIRECTORY, openAt } from "../linux/open-at.js";
import { statDescriptor } from "../linux/stat.js";
import { removeTree } from "../linux/unlink.js";
import { removeCgroups } from "./runtime/cgroups.js";

const PREFIX = "varve-probe-";
const NAME = /^varve-probe-[A-Za-z0-9]{6}$/;

/** A folder for trying one thing out, and a name for cgroups that nobody else uses. */
export interface ProbeFolder {
  /** Absolute. */
  readonly path: string;
  readonly cgroup: string;
}

/**
 * Calls `work` with a new folder, and removes that and the cgroup afterwards. Those of processes that were killed in the middle go first:
 * each folder is locked for as long as its process lives.
 *
 * @param parent A directory, absolute. In that alone others are looked for.
 */
export function withProbeFolder<T>(work: (folder: ProbeFolder) => T, parent: string = os.tmpdir()): T {
  sweepProbeFolders(parent);
  const { folder, lock } = makeLockedFolder(parent);
  try {
    return work({ path: folder, cgroup: cgroupOf(folder) });
  } finally {
    removeProbe(folder);
    closeDescriptor(lock);
  }
}

/** One that another process sweeps, in the moment before it is locked, is made again. */
function makeLockedFolder(parent: string): { readonly folder: string; readonly lock: number } {
  for (;;) {
    const folder = mkdtempSync(path.join(parent, PREFIX));
    const lock = lockFolder(folder);
    if (lock !== undefined) return { folder, lock };
  }
}

/** Removes what dead processes of this user left. Never fails: a folder that can't be removed is the next one's matter. */
export function sweepProbeFolders(parent: string): void {
  for (const name of readdirSync(parent).filter((each) => NAME.test(each))) {
    const folder = path.join(parent, name);
    const lock = lockFolder(folder);
    if (lock === undefined) continue;
    try {
      removeProbe(folder);
    } catch {
      // A process in its cgroup may not be killed by us, say.
    } finally {
      closeDescriptor(lock);
    }
  }
}

/** @returns `undefined` when a living process holds it, it is gone, or another user's: what those wrote there is not followed. */
function lockFolder(folder: string): number | undefined {
  let descriptor: number;
  try {
    descriptor = openAt(AT_FDCWD, latin1(folder), OPEN_DIRECTORY);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return undefined;
    throw error;
  }
  if (statDescriptor(descriptor).uid === process.geteuid?.() && tryLock(descriptor, "exclusive") && isThere(descriptor)) {
    return descriptor;
  }
  closeDescriptor(descriptor);
  return undefined;
}

/** A directory that was removed has no links any more. */
function isThere(descriptor: number): boolean {
  return statDescriptor(descriptor).nlink > 0;
}

/** Never crosses a mount point: what is still mounted there makes it fail, and nothing of that is removed. */
function removeProbe(folder: string): void {
  removeCgroups(cgroupOf(folder));
  removeTree(AT_FDCWD, latin1(folder));
}

function cgroupOf(folder: string): string {
  return path.basename(folder).toLowerCase();
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
