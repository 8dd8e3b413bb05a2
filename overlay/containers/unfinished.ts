import { lstatSync, readdirSync } from "node:fs";
import { CONTAINER_ID, ContainerDirectory, UNFINISHED } from "./container-directory.js";

/** Removes what a killed `create` or `remove` left: nobody holds its lock any more. @param containers Absolute. */
export function removeUnfinished(containers: string): void {
  for (const name of readdirSync(containers)) {
    if (!name.startsWith(UNFINISHED) && !isLostRecord(containers, name)) continue;
    const unfinished = new ContainerDirectory(containers, name);
    const release = unfinished.tryLock();
    if (release === undefined) continue;
    unfinished.remove();
    release();
  }
}

/** What a power cut leaves of a container that was to pass: its record is written before its name is, and has come to the disk after it. */
function isLostRecord(containers: string, name: string): boolean {
  if (!CONTAINER_ID.test(name)) return false;
  return lstatSync(new ContainerDirectory(containers, name).file("container.json"), { throwIfNoEntry: false })?.size === 0;
}
