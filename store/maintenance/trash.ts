import { lstatSync, renameSync } from "node:fs";
import path from "node:path";
import { syncDirectory } from "../durable-file.js";
import { removeScratch, scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";

const SCRATCH_KIND = "trash";

/**
 * Takes files or directories out of the store: each is there or gone, and once this returns, gone also after a power cut. First all are moved to
 * scratch/, then that is made durable, then their space is given back; when this process dies meanwhile, the next command does that.
 */
export function throwAway(layout: Pick<StoreLayout, "scratch">, paths: readonly string[]): void {
  const trash: string[] = [];
  const folders = new Set<string>();
  for (const file of paths) {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) continue;
    const target = scratchPath(layout, SCRATCH_KIND);
    renameSync(file, target);
    trash.push(target);
    folders.add(path.dirname(file));
  }
  if (trash.length === 0) return;
  for (const folder of folders) syncDirectory(folder);
  syncDirectory(layout.scratch);
  for (const file of trash) removeScratch(file);
}
