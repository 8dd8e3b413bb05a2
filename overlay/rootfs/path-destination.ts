import { constants } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { readLink } from "../../linux/make-node.js";
import { closeDescriptor, O_PATH } from "../../linux/open-at.js";
import { S_IFLNK, statAt } from "../../linux/stat.js";
import { tryOpenInRoot } from "./root-files.js";

/** What a runtime mounts over whatever a root has there. */
export const SYSTEM_PLACES: readonly string[] = ["/proc", "/sys", "/dev"];

/** The kernel's own limit (ELOOP). */
const MOST_LINKS = 40;

/**
 * Where a path within a root will lead when /proc, /sys and /dev are mounted: `/box/self` with `box -> /proc` leads to `/proc/self`,
 * whatever the root itself holds below its `/proc`. What comes after one of these three is left as it stands, `..` included. Nothing
 * need be there.
 *
 * @param path Bytes in latin1, seen from the root. @returns Absolute, without symlinks.
 */
export function destinationOf(root: number, path: string): string {
  const ahead = path.split("/").reverse();
  let here: string[] = [];
  let links = 0;
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === "" || name === ".") continue;
    if (isSystemPlace(placeOf(here))) return placeOf([...here, name, ...ahead.reverse()]);
    if (name === "..") {
      here.pop();
      continue;
    }
    const target = linkTarget(root, here, name);
    if (target === undefined || ++links > MOST_LINKS) here.push(name);
    else {
      if (target.startsWith("/")) here = [];
      ahead.push(...target.split("/").reverse());
    }
  }
  return placeOf(here);
}

function placeOf(names: readonly string[]): string {
  return `/${names.join("/")}`;
}

function linkTarget(root: number, parent: readonly string[], name: string): string | undefined {
  const directory = tryOpenInRoot(root, parent.join("/") || ".", O_PATH | constants.O_DIRECTORY);
  if (directory === undefined) return undefined;
  try {
    return statAt(directory, name).type === S_IFLNK ? readLink(directory, name) : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENAMETOOLONG")) return undefined;
    throw error;
  } finally {
    closeDescriptor(directory);
  }
}

/** Whether an absolute path is one of what runtimes mount, or within it. */
export function isSystemPlace(place: string): boolean {
  return SYSTEM_PLACES.some((system) => isWithin(place, system));
}

/** Whether a path is a folder or, by its words alone, within it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
