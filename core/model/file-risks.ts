import type { Entry } from "./entry.js";

/** What a rule may forbid of a file, by the name of the rule. */
export const RISKS = ["setuid", "setgid", "capabilities", "world-writable", "devices"] as const;
export type Risk = (typeof RISKS)[number];

const SETUID = 0o4000;
const SETGID = 0o2000;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o002;

/**
 * Whether a path is what a rule forbids. On a directory setuid means nothing and setgid hands its group on; a world-writable one with the sticky
 * bit, as /tmp is, lets nobody touch another's files. A symlink's mode means nothing, and a device has a rule of its own.
 */
export function hasRisk({ type, mode, xattrs }: Entry, risk: Risk): boolean {
  const isDevice = type === "character" || type === "block";
  switch (risk) {
    case "setuid":
      return type === "file" && (mode & SETUID) !== 0;
    case "setgid":
      return type === "file" && (mode & SETGID) !== 0;
    case "capabilities":
      return xattrs.some(({ name }) => name === "security.capability");
    case "world-writable":
      if (type === "symlink" || isDevice || (mode & OTHERS_WRITE) === 0) return false;
      return type !== "directory" || (mode & STICKY) === 0;
    case "devices":
      return isDevice;
  }
}
