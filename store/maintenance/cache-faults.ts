import { existsSync, lstatSync, readdirSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { CacheFault } from "../../core/ports/store-checks.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { loadFingerprints } from "../change-fingerprint.js";
import { LayerImages } from "../erofs/layer-images.js";
import { encodeNames, type NameRecord } from "../layers/name-record.js";
import { findChangedUnpacked } from "../layers/unpacked-layers.js";
import { NameTable } from "../layers/name-table.js";
import { formerOf } from "../events/append-event.js";
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
  const names = await nameTableFault(layout);
  if (names !== undefined) faults.push({ path: path.relative(layout.root, layout.names), state: names });
  for (const changed of await findChangedUnpacked(layout)) {
    faults.push({ path: path.relative(layout.root, changed), state: UNPACKED_STATE, mounted: true });
  }
  return faults;
}

const UNPACKED_STATE =
  "was changed since it was unpacked for containers; --repair removes it while none runs, and the next start makes it again";

/** What is wrong with the table of layers' names. What it says of layers that are gone, nobody asks. */
async function nameTableFault(layout: StoreLayout): Promise<string | undefined> {
  const { rows, isTorn } = new NameTable(layout).reading();
  if (isTorn) return "has bytes that are no row";
  const images = new LayerImages(layout.layers);
  try {
    for (const [id, record] of rows) {
      if (isTurnDue()) await yieldToSignals();
      if (existsSync(layout.layer(id)) && !isRecordOf(images, id, record)) {
        return `has other names for layer "${id}" than that layer`;
      }
    }
    return undefined;
  } finally {
    images.close();
  }
}

function isRecordOf(images: LayerImages, id: LayerId, record: NameRecord | undefined): boolean {
  try {
    const wanted = encodeNames(images.get(id));
    return wanted === undefined || record === undefined ? wanted === record : wanted.equals(record);
  } catch (error) {
    // A damaged layer is told of as such.
    if (error instanceof VarveError) return true;
    throw error;
  }
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
    ...strays(layout.blobs, (name) => name === "sha256" || name === "tars"),
    ...strays(path.join(layout.blobs, "sha256"), (name) => LAYER_NAME.test(name)),
    ...strays(path.join(layout.blobs, "tars"), (name) => LAYER_NAME.test(name.replace(/\.none$/, ""))),
    ...strays(layout.scratch, (name) => /^[a-z-]+-\d+-\d+$/.test(name)),
    ...[layout.events, formerOf(layout.events)]
      .filter((file) => lstatSync(file, { throwIfNoEntry: false })?.isFile() === false)
      .map((file) => path.relative(layout.root, file)),
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
