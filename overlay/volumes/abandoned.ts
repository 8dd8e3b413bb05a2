import { readdirSync } from "node:fs";
import path from "node:path";
import { hasCode } from "../../linux/errno.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { removeTree } from "../../linux/unlink.js";

/** A name for what this process is about to finish, or to remove. */
export function passingName(prefix: string, name: string): string {
  return `${prefix}${name}-${process.pid}`;
}

/** Removes what processes left under passing names that are gone now. */
export function removeAbandoned(directory: string, prefix: string): void {
  for (const name of readdirSync(directory)) {
    const pid = Number(name.slice(name.lastIndexOf("-") + 1));
    if (!name.startsWith(prefix) || !(pid > 0) || isAlive(pid)) continue;
    removeTree(AT_FDCWD, Buffer.from(path.join(directory, name), "utf8").toString("latin1"));
  }
}

/** A number that another process has by now keeps a folder for later. */
function isAlive(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    return !hasCode(error, "ESRCH");
  }
}
