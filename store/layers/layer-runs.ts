import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import { writeLayer } from "../../core/layers/write-layer.js";
import type { LayerImageFile, WrittenLayer } from "../../core/ports/layer-store.js";
import { composeChain, composeRun, type ChainPart } from "./chain-composition.js";
import { syncDirectory } from "../durable-file.js";
import { ChainTree } from "../erofs/chain-tree.js";
import { ImageWriter } from "../erofs/image-writer.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import type { ProvenImages } from "../proofs/proven-images.js";

export interface RunLayout extends Pick<StoreLayout, "layers" | "layer" | "scratch" | "runs"> {
  readonly proven: ProvenImages;
}

const IMAGE_NAME = /^[0-9a-f]{64}$/;

/** An image that shows a part of a chain. */
interface PartImage {
  readonly id: LayerId;
  readonly file: string;
}

/** The tree of a chain, through the images of its parts. A run that was not made is read through the parts that it is made of. */
export function openComposedTree(layout: RunLayout, chain: readonly LayerId[]): Tree {
  return openParts(layout, chain, composeChain(chain));
}

/**
 * Makes the images of a chain's runs that are not there. A cache in `views/runs/<key>/`.
 * @throws VarveError LAYER_CORRUPT, DISK_FULL.
 */
export async function makeRuns(layout: RunLayout, chain: readonly LayerId[]): Promise<void> {
  const parts = composeChain(chain).reverse();
  for (const [index, part] of parts.entries()) await makeRun(layout, chain, parts.slice(0, index).reverse(), part);
}

/**
 * What a chain is mounted by, the topmost first, proven to be sound. Its runs are made already.
 * @throws VarveError LAYER_CORRUPT.
 */
export function composedImages(layout: RunLayout, chain: readonly LayerId[]): LayerImageFile[] {
  const shown = composeChain(chain).map((part) => imageOf(layout, part) ?? missing(layout, part));
  const images = layout.proven.open({ elsewhere: filesOf(shown) });
  try {
    return shown.map(({ id, file }) => {
      const { devices } = layout.proven.proveForMount(images, id);
      return { id, path: file, devices: devices.map((device) => layout.layer(device)) };
    });
  } finally {
    images.close();
  }
}

function missing({ runs }: RunLayout, { key }: ChainPart): never {
  throw new VarveError("STORE_DAMAGED", "Cannot mount a long chain of layers: an image of its views is missing", {
    path: path.join(runs, key),
    hint: "Something removed it meanwhile. Run the command again.",
  });
}

/** @param below The parts below it, newest first. */
async function makeRun(
  layout: RunLayout,
  chain: readonly LayerId[],
  below: readonly ChainPart[],
  part: ChainPart,
): Promise<void> {
  if (imageOf(layout, part) !== undefined) return;
  // Of shorter runs those that stand are used; to make the others first would cost more than to read their layers.
  const inner = composeRun(chain, part);
  const images = layout.proven.open();
  const lenders = chain.slice(chain.length - part.end);
  const [base, target] = [openParts(layout, chain, below), openParts(layout, chain, [...inner, ...below])];
  const writer = new ImageWriter({
    chain: lenders,
    scratch: () => scratchPath(layout, "view"),
    blocksOf: (id) => images.get(id).superblock.blocks,
    keep: (file, id) => keepRun(layout, file, id, part),
  });
  try {
    await writeLayer(writer, base, target);
    writer.publish();
  } finally {
    writer.abort();
    for (const open of [target, base, images]) open.close();
  }
}

function keepRun({ runs, proven }: RunLayout, file: string, id: LayerId, { key }: ChainPart): WrittenLayer {
  const directory = path.join(runs, key);
  try {
    const storedBytes = statSync(file).size;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // What was found damaged.
    for (const name of readdirSync(directory)) if (name !== id) rmSync(path.join(directory, name), { recursive: true });
    proven.publish(id, file, path.join(directory, id));
    syncDirectory(directory);
    return { id, storedBytes };
  } catch (error) {
    rmSync(file, { force: true });
    throw systemFailure("keep a view", error, directory);
  }
}

/** @param parts Newest first. */
function openParts(layout: RunLayout, chain: readonly LayerId[], parts: readonly ChainPart[]): Tree {
  const shown = standing(layout, chain, parts);
  return new ChainTree(
    layout.proven.open({ elsewhere: filesOf(shown) }),
    shown.map(({ id }) => id),
  );
}

function standing(layout: RunLayout, chain: readonly LayerId[], parts: readonly ChainPart[]): PartImage[] {
  return parts.flatMap((part) => {
    const image = imageOf(layout, part);
    return image === undefined ? standing(layout, chain, composeRun(chain, part)) : [image];
  });
}

/** @returns `undefined` for a run that was not made, or is damaged: then it is made again. */
function imageOf(layout: RunLayout, { start, end, key }: ChainPart): PartImage | undefined {
  if (end - start === 1) return { id: key as LayerId, file: layout.layer(key as LayerId) };
  const directory = path.join(layout.runs, key);
  const id = imageIn(directory);
  const file = path.join(directory, id ?? "");
  return id !== undefined && layout.proven.isSound(id, file) ? { id, file } : undefined;
}

function imageIn(directory: string): LayerId | undefined {
  try {
    return readdirSync(directory).find((name) => IMAGE_NAME.test(name)) as LayerId | undefined;
  } catch {
    return undefined;
  }
}

function filesOf(shown: readonly PartImage[]): ReadonlyMap<LayerId, string> {
  return new Map(shown.map(({ id, file }) => [id, file]));
}
