import { mkdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { LayerProgress } from "../../core/model/layer-progress.js";
import type { LayerImageFile, WrittenLayer } from "../../core/ports/layer-store.js";
import { composeChain, composeRun, singleLayers, type ChainPart } from "./chain-composition.js";
import { ChainTree } from "../erofs/chain-tree.js";
import type { LayerImages } from "../erofs/layer-images.js";
import { keptComposition } from "./kept-composition.js";
import { LayerPacks, namesIn } from "./layer-packs.js";
import { PackedBlocks } from "./packed-blocks.js";
import { RunWriter } from "./run-writer.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import type { ProvenImages } from "../proofs/proven-images.js";

export interface RunLayout extends Pick<StoreLayout, "layers" | "layer" | "scratch" | "runs" | "packs" | "compositions"> {
  readonly proven: ProvenImages;
}

/** Hears how far the making of an image has come; nothing when that is at its end. */
export type ObserveProgress = (progress: LayerProgress | undefined) => void;

const IMAGE_NAME = /^[0-9a-f]{64}$/;
const FOLDER_NAME = /^[0-9a-f]{64}\.([0-9a-f]{64})$/;

/** An image that shows a part of a chain. */
interface PartImage {
  readonly id: LayerId;
  readonly file: string;
}

/** The tree of a chain, through the images of its parts. A run that was not made is read through the parts that it is made of. */
export function openComposedTree(layout: RunLayout, chain: readonly LayerId[]): Tree {
  const shown = standing(layout, chain, composeChain(chain));
  return new ChainTree(imagesOf(layout, shown), idsOf(shown));
}

/** The opened images that a chain is read through, and their ids, the topmost first. The images are closed by the caller. */
export function openComposedImages(
  layout: RunLayout,
  chain: readonly LayerId[],
): { readonly images: LayerImages; readonly ids: readonly LayerId[] } {
  const shown = standing(layout, chain, composeChain(chain));
  return { images: imagesOf(layout, shown), ids: idsOf(shown) };
}

/**
 * Makes the images of a chain's runs that are not there, or are damaged, or point at what is gone: each is there whole or not at all. A cache in
 * `views/`.
 *
 * @throws VarveError LAYER_CORRUPT, DISK_FULL, PERMISSION.
 */
export async function makeRuns(layout: RunLayout, chain: readonly LayerId[], observe?: ObserveProgress): Promise<void> {
  const parts = composeChain(chain).reverse();
  for (const [index, part] of parts.entries()) {
    if (!isRun(part) || isUsable(layout, part)) continue;
    await makeRun(layout, chain, parts.slice(0, index).reverse(), part, observe);
  }
}

/** What a chain is mounted by, the topmost first, proven to be sound. Runs are made as by `makeRuns`. */
export async function composedImages(
  layout: RunLayout,
  chain: readonly LayerId[],
  observe?: ObserveProgress,
): Promise<LayerImageFile[]> {
  const parts = keptComposition(layout, chain);
  const found = mountedImages(layout, parts);
  if (found.every((image) => image !== undefined)) return found;
  await makeRuns(layout, chain, observe);
  return mountedImages(layout, parts).map((image) => image ?? missing(layout));
}

/** @returns `undefined` for each run that was not made, or can't be used. */
function mountedImages(layout: RunLayout, parts: readonly ChainPart[]): (LayerImageFile | undefined)[] {
  const shown = parts.map((part) => imageOf(layout, part));
  const images = imagesOf(
    layout,
    shown.filter((image) => image !== undefined),
  );
  const open = ({ id, file }: PartImage): LayerImageFile => {
    const { devices } = layout.proven.proveForMount(images, id);
    return { id, path: file, devices: devices.map((device) => images.fileOf(device)) };
  };
  try {
    return parts.map((part, index) => {
      const image = shown[index];
      if (image === undefined) return undefined;
      return isRun(part) ? unlessCorrupt(() => open(image)) : open(image);
    });
  } finally {
    images.close();
  }
}

/** What is derived can be made again. */
function unlessCorrupt(open: () => LayerImageFile): LayerImageFile | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof VarveError && error.code === "LAYER_CORRUPT") return undefined;
    throw error;
  }
}

function isUsable(layout: RunLayout, part: ChainPart): boolean {
  return mountedImages(layout, [part])[0] !== undefined;
}

function missing({ runs }: RunLayout): never {
  throw new VarveError("STORE_DAMAGED", "Cannot mount a long chain of layers: an image of its views is missing", {
    path: runs,
    hint: "Something removed it meanwhile. Run the command again.",
  });
}

/** An image of a run that stands, with its folder and the newest layer that it shows. */
export interface StandingRun extends PartImage {
  readonly path: string;
  readonly newest: LayerId;
}

/** All runs of a store. */
export function listRuns({ runs }: Pick<StoreLayout, "runs">): StandingRun[] {
  return namesIn(runs).flatMap((name) => {
    const newest = FOLDER_NAME.exec(name)?.[1] as LayerId | undefined;
    const folder = path.join(runs, name);
    const id = newest && imageIn(folder);
    return id === undefined ? [] : [{ path: folder, newest: newest as LayerId, id, file: path.join(folder, id) }];
  });
}

/** @param below The parts below it, newest first. */
async function makeRun(
  layout: RunLayout,
  chain: readonly LayerId[],
  below: readonly ChainPart[],
  part: ChainPart,
  observe: ObserveProgress | undefined,
): Promise<void> {
  const upTo = chain.slice(chain.length - part.end);
  // Of shorter runs those that stand are used; to make the others first would cost more than to read their layers.
  const usable = composeRun(chain, part).flatMap((shorter) =>
    !isRun(shorter) || isUsable(layout, shorter) ? [shorter] : singleLayers(chain, shorter),
  );
  const [lower, inner] = [standing(layout, chain, below), standing(layout, chain, usable)];
  const packs = new LayerPacks(layout);
  const images = imagesOf(layout, [...inner, ...lower], packs);
  const writer = new RunWriter(new PackedBlocks(packs, images, upTo), {
    chain: upTo,
    scratch: () => scratchPath(layout, "view"),
    blocksOf: (id) => images.get(id).superblock.blocks,
    keep: (file, id) => keepRun(layout, file, id, part),
  });
  try {
    const [base, target] = [new ChainTree(images, idsOf(lower)), new ChainTree(images, idsOf([...inner, ...lower]))];
    await writeLayer(writer, base, target, observe);
    writer.publish();
  } finally {
    observe?.(undefined);
    writer.abort();
    images.close();
  }
}

function keepRun(layout: RunLayout, file: string, id: LayerId, part: ChainPart): WrittenLayer {
  const directory = folderOf(layout, part);
  try {
    const storedBytes = statSync(file).size;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // What can't be used.
    for (const name of namesIn(directory)) if (name !== id) rmSync(path.join(directory, name), { recursive: true, force: true });
    // The bytes are on the disk; that the name may be lost in a power cut costs no more than to make it again.
    layout.proven.publish(id, file, path.join(directory, id));
    return { id, storedBytes };
  } catch (error) {
    rmSync(file, { force: true });
    throw systemFailure("keep a view", error, directory);
  }
}

/** @param parts Newest first. */
function standing(layout: RunLayout, chain: readonly LayerId[], parts: readonly ChainPart[]): PartImage[] {
  return parts.flatMap((part) => {
    const image = imageOf(layout, part);
    if (image !== undefined) return [image];
    return composeRun(chain, part).flatMap((inner) => {
      const shown = imageOf(layout, inner);
      return shown === undefined ? singleLayers(chain, inner).map((layer) => layerImage(layout, layer)) : [shown];
    });
  });
}

/** @returns `undefined` for a run that was not made, or is damaged. */
function imageOf(layout: RunLayout, part: ChainPart): PartImage | undefined {
  if (!isRun(part)) return layerImage(layout, part);
  const directory = folderOf(layout, part);
  const id = imageIn(directory);
  const file = path.join(directory, id ?? "");
  return id !== undefined && layout.proven.isSound(id, file) ? { id, file } : undefined;
}

function imageIn(directory: string): LayerId | undefined {
  return namesIn(directory).find((name) => IMAGE_NAME.test(name)) as LayerId | undefined;
}

function isRun({ start, end }: ChainPart): boolean {
  return end - start > 1;
}

function layerImage(layout: RunLayout, { newest }: ChainPart): PartImage {
  return { id: newest, file: layout.layer(newest) };
}

/** Its name tells the newest layer, too: when that is gone, nobody asks for the run. */
function folderOf({ runs }: RunLayout, { key, newest }: ChainPart): string {
  return path.join(runs, `${key}.${newest}`);
}

function imagesOf(layout: RunLayout, shown: readonly PartImage[], packs: LayerPacks = new LayerPacks(layout)): LayerImages {
  const files = new Map(shown.map(({ id, file }) => [id, file]));
  return layout.proven.open({ elsewhere: { get: (id) => files.get(id) ?? packs.get(id) } });
}

function idsOf(shown: readonly PartImage[]): LayerId[] {
  return shown.map(({ id }) => id);
}
