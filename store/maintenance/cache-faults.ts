import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { CacheFault } from "../../core/ports/store-checks.js";
import { loadFingerprints } from "../change-fingerprint.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { readStatIndex } from "../worktree/stat-index-file.js";
import { findViewFaults } from "./derived-images.js";

const LAYER_NAME = /^[0-9a-f]{64}$/;

/** Caches that are not what they should be; commits apart. */
export async function findCacheFaults(layout: StoreLayout): Promise<readonly CacheFault[]> {
  const faults: CacheFault[] = [...findViewFaults(layout)];
  const index = path.join(layout.worktree, "index");
  if (existsSync(index) && readStatIndex(index, await loadFingerprints()) === undefined) {
    faults.push({ path: path.relative(layout.root, index), state: "is damaged, or of another version" });
  }
  return faults;
}

/** Text of what stands where nothing of varve's stands, as paths below the store. */
export function findLeftovers(layout: StoreLayout): readonly string[] {
  const strays = (folder: string, ours: (name: string) => boolean): string[] =>
    namesIn(folder)
      .filter((name) => !ours(name))
      .map((name) => path.relative(layout.root, path.join(folder, name)));
  return [
    ...strays(layout.layers, (name) => LAYER_NAME.test(name)),
    ...strays(path.dirname(layout.layers), (name) => name === path.basename(layout.layers)),
    ...strays(layout.scratch, (name) => /^[a-z-]+-\d+-\d+$/.test(name)),
    ...strays(layout.containers, (name) => /^[0-9a-f]{12}$/.test(name) || !name.startsWith("new-")),
  ];
}

export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, "latin1").sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw systemFailure(`list "${directory}"`, error, directory);
  }
}
