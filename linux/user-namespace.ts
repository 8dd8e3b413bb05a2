import { readFileSync, statSync } from "node:fs";

/** The inode of the machine's own user namespace: PROC_USER_INIT_INO of linux/proc_ns.h. */
const FIRST_NAMESPACE = 0xeffffffd;

/** What a process's ids are outside of its user namespace. */
export interface IdRange {
  readonly inside: number;
  /** As this process sees it when it reads of another's namespace; else as the namespace around it does. */
  readonly outside: number;
  readonly count: number;
}

/**
 * Which user namespace a process is in: equal numbers are the same one, as long as a process of it lives.
 * @returns `undefined` when the process is gone, or is not ours to look at.
 */
export function userNamespaceOf(pid: number | "self"): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/user`).ino;
  } catch {
    return undefined;
  }
}

let inside: boolean | undefined;

/** Whether this process is root of a user namespace alone, and not of the machine. */
export function isInUserNamespace(): boolean {
  inside ??= ![undefined, FIRST_NAMESPACE].includes(userNamespaceOf("self"));
  return inside;
}

/** Whether this process is an ordinary user's, who has to enter a user namespace before anything can be mounted. */
export function needsUserNamespace(): boolean {
  return process.geteuid?.() !== 0 && !isInUserNamespace();
}

/** @see user_namespaces(7), "User and group ID mappings". */
export function readIdMap(kind: "uid" | "gid", pid: number | "self" = "self"): readonly IdRange[] {
  return readFileSync(`/proc/${pid}/${kind}_map`, "latin1")
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [first = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
      return { inside: first, outside, count };
    });
}

export function holdsId(map: readonly IdRange[], id: number): boolean {
  return map.some(({ inside: first, count }) => id >= first && id < first + count);
}

/** Whether processes here may set their groups: forbidden where an ordinary user made the map alone. */
export function maySetGroups(): boolean {
  try {
    return readFileSync("/proc/self/setgroups", "latin1").trim() !== "deny";
  } catch {
    return true;
  }
}
