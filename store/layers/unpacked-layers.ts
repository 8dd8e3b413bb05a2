import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bytesOfText } from "../../core/model/byte-string.js";
import type { LayerId } from "../../core/model/ids.js";
import { inTurns } from "../../core/turns.js";
import { tryLock } from "../../linux/lock.js";
import { AT_FDCWD, closeDescriptor, OPEN_DIRECTORY, openAt } from "../../linux/open-at.js";
import { syncFilesystem } from "../../linux/sync.js";
import { readIdMap } from "../../linux/user-namespace.js";
import { removeTree } from "../../linux/unlink.js";
import { ProvenImages, type ProofLayout } from "../proofs/proven-images.js";
import { Representation } from "../directory/representation.js";
import { unpackLayer } from "../directory/unpack-layer.js";
import { ChainTree } from "../erofs/chain-tree.js";
import { rawRoot } from "../erofs/raw-layer.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { digestUnpacked } from "./unpacked-digest.js";
import { namesIn } from "./layer-packs.js";
import { openComposedImages, type RunLayout } from "./layer-runs.js";

const UNFINISHED = ".new-";
const POLL_MILLISECONDS = 20;

type UnpackStore = ProofLayout & Omit<RunLayout, "proven"> & Pick<StoreLayout, "unpacked">;
type UnpackLayout = RunLayout & Pick<StoreLayout, "unpacked">;

/**
 * Layers as directories, for overlay mounts where EROFS can't be mounted. Each is there whole or not at all, on the disk, and never changed.
 *
 * @param chain Newest first, not empty.
 * @param onLeftOut Hears how many devices are in none of the directories that were made.
 * @returns Their paths, the topmost first.
 * @throws VarveError LAYER_CORRUPT, UNSUPPORTED, DISK_FULL, PERMISSION, INTERRUPTED.
 */
export async function unpackLayers(
  store: UnpackStore,
  chain: readonly LayerId[],
  onLeftOut?: (devices: number) => void,
): Promise<readonly string[]> {
  const layout = { ...store, unpacked: ownFolder(store), proven: new ProvenImages(store) };
  const { images, ids } = openComposedImages(layout, chain);
  images.close();
  const places = ids.map((id) => path.join(layout.unpacked, id));
  if (places.every((place) => existsSync(place))) return places;
  try {
    mkdirSync(layout.unpacked, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(layout.unpacked);
    const representation = new Representation();
    try {
      removeUnfinished(layout.unpacked);
      // From the oldest on: so each stands when those above it do.
      for (let level = ids.length - 1; level >= 0; level -= 1) {
        if (!existsSync(places[level]!)) await unpackOne(layout, chain, level, places[level]!, representation);
      }
      if (representation.devices > 0) onLeftOut?.(representation.devices);
    } finally {
      closeSync(lock);
    }
    return places;
  } catch (error) {
    throw systemFailure("unpack the layers", error, layout.unpacked);
  }
}

async function unpackOne(
  layout: UnpackLayout,
  chain: readonly LayerId[],
  level: number,
  place: string,
  representation: Representation,
): Promise<void> {
  const { images, ids } = openComposedImages(layout, chain);
  const scratch = path.join(layout.unpacked, `${UNFINISHED}${randomBytes(6).toString("hex")}`);
  mkdirSync(scratch, { mode: 0o700 });
  try {
    const image = images.get(ids[level]!);
    const tree = new ChainTree(images, ids.slice(level));
    await inTurns(unpackLayer(rawRoot(image, tree.root), scratch, representation));
    // First: it tells nothing of a directory that is not there.
    writeFileSync(digestFile(place), `${await inTurns(digestUnpacked(scratch))}\n`, { mode: 0o600 });
    syncAll(scratch);
    renameSync(scratch, place);
  } catch (error) {
    removeTree(AT_FDCWD, bytesOfText(scratch));
    rmSync(digestFile(place), { force: true });
    throw error;
  } finally {
    images.close();
  }
}

/** Of an unpacked layer: what `digestUnpacked` said when it was new. */
function digestFile(place: string): string {
  return `${place}.digest`;
}

/** All that is kept of an unpacked layer. @param place Its directory. */
export function unpackedParts(place: string): readonly string[] {
  return [place, digestFile(place)];
}

/** Those of this process's ids that are not any more what they were when they were unpacked. */
export async function findChangedUnpacked(layout: Pick<StoreLayout, "unpacked">): Promise<readonly string[]> {
  const own = ownFolder(layout);
  const changed: string[] = [];
  for (const { path: place } of listUnpacked(layout).filter((each) => path.dirname(each.path) === own)) {
    // Those of before this was known have none.
    if (!existsSync(digestFile(place))) continue;
    if (readFileSync(digestFile(place), "latin1").trim() !== (await inTurns(digestUnpacked(place)))) changed.push(place);
  }
  return changed;
}

/** A power cut must leave no directory of empty files under a name that tells it is whole. */
function syncAll(directory: string): void {
  const descriptor = openAt(AT_FDCWD, bytesOfText(directory), OPEN_DIRECTORY);
  try {
    syncFilesystem(descriptor);
  } finally {
    closeDescriptor(descriptor);
  }
}

async function lockFolder(folder: string): Promise<number> {
  const descriptor = openSync(path.join(folder, "lock"), "a", 0o600);
  // Another command may be unpacking the same layers: then this one finds them there.
  while (!tryLock(descriptor, "exclusive")) await pause(POLL_MILLISECONDS);
  return descriptor;
}

/** What killed commands left. Under the lock. */
function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(UNFINISHED)) removeTree(AT_FDCWD, bytesOfText(path.join(folder, name)));
  }
}

/** Files here have the owners of this process's user namespace: with other ids it is another folder. */
function ownFolder({ unpacked }: Pick<StoreLayout, "unpacked">): string {
  const map = JSON.stringify([readIdMap("uid"), readIdMap("gid")]);
  return path.join(unpacked, createHash("sha256").update(map).digest("hex").slice(0, 12));
}

/** What of a store was unpacked, whatever the ids. */
export function listUnpacked({
  unpacked,
}: Pick<StoreLayout, "unpacked">): readonly { readonly path: string; readonly id: LayerId }[] {
  return namesIn(unpacked).flatMap((folder) =>
    namesIn(path.join(unpacked, folder))
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
      .map((name) => ({ path: path.join(unpacked, folder, name), id: name as LayerId })),
  );
}
