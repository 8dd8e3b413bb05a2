import { lstatSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { cgroupMounts, cgroupPath } from "./cgroups.js";

/** As those of containers; a probe clears up after others itself. */
const NAME = /^[0-9a-f]{12}$/;
/** A cgroup is empty for a moment before its first process comes. A time that the kernel tells is never before that of its making. */
const OLD_MILLISECONDS = 3_600_000;

/**
 * Removes the cgroups of containers, of whatever store, that have had no process for an hour: what a store leaves that was removed from the disk while
 * its containers ran, which nobody would look at any more. What commands of a store would still learn from one, that a process was killed for want of
 * memory, is lost with it.
 */
export function removeLostCgroups(): void {
  for (const id of cgroupNames()) {
    const groups = cgroupMounts().map(({ path }) => groupsBelow(path + cgroupPath(id)));
    // One that lives may have no process of its own in some of the hierarchies.
    const isLost = groups.flat().every((directory) => isOld(directory) && isEmpty(directory));
    if (isLost) groups.flat().forEach(removeEmpty);
  }
}

function cgroupNames(): ReadonlySet<string> {
  const names = cgroupMounts().flatMap(({ path }) => subgroups(path + cgroupPath("")));
  return new Set(names.filter((name) => NAME.test(name)));
}

/** A cgroup and all in it, the innermost first. */
function groupsBelow(directory: string): readonly string[] {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) return [];
  return [...subgroups(directory).flatMap((name) => groupsBelow(`${directory}/${name}`)), directory];
}

function subgroups(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return [];
    throw error;
  }
}

function isOld(directory: string): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  return stat === undefined || stat.mtimeMs < Date.now() - OLD_MILLISECONDS;
}

/** One whose processes can't be listed has some. */
function isEmpty(directory: string): boolean {
  try {
    return readFileSync(`${directory}/cgroup.procs`, "latin1") === "";
  } catch (error) {
    return hasCode(error, "ENOENT", "ENODEV");
  }
}

/** The kernel keeps one that has a process now. An ordinary user may remove none. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EBUSY", "ENOTEMPTY", "EACCES", "EPERM", "EROFS")) throw error;
  }
}
