import { readdirSync } from "node:fs";
import { ContainerDirectory } from "./container-directory.js";

/** Before the id in the name of a directory that is no container (yet): one whose lock nobody holds goes when the next one is made. */
export const UNFINISHED = "new-";

/** Removes what a killed `create` left: nobody holds its lock any more. @param containers Absolute. */
export function removeUnfinished(containers: string): void {
  for (const name of readdirSync(containers).filter((each) => each.startsWith(UNFINISHED))) {
    const unfinished = new ContainerDirectory(containers, name);
    const release = unfinished.tryLock();
    if (release === undefined) continue;
    unfinished.remove();
    release();
  }
}
