import { readFileSync, readlinkSync } from "node:fs";
import { hasCode } from "./errno.js";

/** One mount of this process's mount namespace, of proc_pid_mountinfo(5). Paths are bytes in latin1. */
export interface MountRow {
  /** As statx(2) gives it. */
  readonly id: string;
  readonly place: string;
  readonly type: string;
  /** What the mounting program called it: a device, a name. */
  readonly source: string;
}

/**
 * In the order of mounting: of several at one place the last is the one that is seen. Empty without /proc, and for a process that is gone.
 * @param pid Whose mount namespace.
 */
export function mountTable(pid: number | "self" = "self"): readonly MountRow[] {
  return linesOf(`/proc/${pid}/mountinfo`).flatMap((line) => {
    const fields = line.split(" ");
    const [type, source] = fields.slice(fields.indexOf("-") + 1);
    const [id, , , , place] = fields;
    return id && place && type && source ? [{ id, place: unquoted(place), type, source: unquoted(source) }] : [];
  });
}

/** Where other filesystems, or other parts of the same, are mounted below a directory; nothing below those. Relative to it. */
export function mountPointsBelow(directory: number): readonly string[] {
  const root = placeOf(directory);
  if (root === undefined) return [];
  const prefix = root === "/" ? "/" : `${root}/`;
  const below = mountTable().flatMap(({ place }) =>
    place.startsWith(prefix) && place !== prefix ? [place.slice(prefix.length)] : [],
  );
  const places = new Set(below);
  return [...places].filter((place) => !parentsOf(place).some((parent) => places.has(parent))).sort();
}

/** An open file's path, without links. `undefined` without /proc, or when it was removed. */
export function placeOf(descriptor: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The mount that an open file is of. */
export function mountOf(descriptor: number): MountRow | undefined {
  const id = /^mnt_id:\s*(\d+)$/m.exec(linesOf(`/proc/self/fdinfo/${descriptor}`).join("\n"))?.[1];
  return mountTable().find((mount) => mount.id === id);
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "latin1").split("\n");
  } catch (error) {
    // The last two: a process that has just ended.
    if (hasCode(error, "ENOENT", "ESRCH", "EINVAL")) return [];
    throw error;
  }
}

function parentsOf(place: string): string[] {
  const names = place.split("/");
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join("/"));
}

/** Blanks, tabs, newlines and backslashes stand there in octal. */
function unquoted(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
