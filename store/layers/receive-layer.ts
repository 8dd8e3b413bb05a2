import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, rmSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";
import type { HistoryLayer } from "../../core/ports/histories.js";
import { inTurns } from "../../core/turns.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { syncDirectory, writeFully } from "../durable-file.js";
import { rewriteImage } from "../erofs/rewrite-image.js";
import { ProvenImages } from "../proofs/proven-images.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { gunzipped } from "../tar/gunzip.js";
import { WholeStream } from "../tar/whole-stream.js";

type ReceivingLayout = Pick<StoreLayout, "layers" | "layer" | "scratch" | "proofs">;

/** Contents, with holes and what is borrowed: so much is always read, and so much for each byte of the image. */
const FREE_CONTENT_BYTES = 2 ** 38;
const CONTENT_RATIO = 1000;

/** Histories.receiveLayer. */
export async function receiveLayer(
  layout: ReceivingLayout,
  layer: HistoryLayer,
  mayLend: (id: LayerId) => boolean,
): Promise<number> {
  const received = scratchPath(layout, "received");
  const written = scratchPath(layout, "layer");
  try {
    await unpack(layer, received);
    await rewrite(layout, layer, { received, written }, mayLend);
    publish(layout, layer.id, written);
    return layer.imageBytes;
  } catch (error) {
    throw faultOf(systemFailure("take a layer in", error, written), layer);
  } finally {
    for (const file of [received, written]) rmSync(file, { force: true });
  }
}

/** Exactly as many bytes as the manifest says. */
async function unpack({ imageBytes, name, ...layer }: HistoryLayer, file: string): Promise<void> {
  const fd = openSync(file, "wx", 0o600);
  try {
    let left = imageBytes;
    const whole = new WholeStream(layer.open());
    for await (const piece of gunzipped(whole)) {
      left -= piece.length;
      if (left < 0) throw invalid(`${name} has more bytes than its manifest says`);
      writeFully(fd, piece);
      if (isTurnDue()) await yieldToSignals();
    }
    await whole.drain();
    if (left > 0) throw invalid(`${name} has fewer bytes than its manifest says`);
  } finally {
    closeSync(fd);
  }
}

async function rewrite(
  layout: ReceivingLayout,
  { id, imageBytes }: HistoryLayer,
  { received, written }: { readonly received: string; readonly written: string },
  mayLend: (id: LayerId) => boolean,
): Promise<void> {
  const images = new ProvenImages(layout).open({ elsewhere: new Map([[id, received]]) });
  try {
    const image = images.get(id);
    const foreign = image.devices.find((device) => !mayLend(device));
    if (foreign !== undefined)
      throw image.damaged(`it borrows from layer "${foreign}", which neither its history has nor what came with it`);
    for (const { id: lender, blocks } of image.lenders)
      if (images.get(lender).superblock.blocks !== blocks) throw image.damaged(`it has another length for layer "${lender}"`);
    const fd = openSync(written, "wx+", 0o600);
    try {
      const options = {
        scratch: () => scratchPath(layout, "layer"),
        mostContentBytes: FREE_CONTENT_BYTES + CONTENT_RATIO * imageBytes,
      };
      await inTurns(rewriteImage(image, fd, options));
      fchmodSync(fd, 0o400);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    images.close();
  }
}

/** @param file Written by this process, and compared with the id. */
function publish(layout: ReceivingLayout, id: LayerId, file: string): void {
  mkdirSync(layout.layers, { recursive: true });
  new ProvenImages(layout).publish(id, file, layout.layer(id));
  syncDirectory(layout.layers);
}

/** What is wrong with a layer of ours is damage of the store, with a stranger's of what it came from. */
function faultOf(error: unknown, { id, name }: HistoryLayer): unknown {
  if (!(error instanceof VarveError)) return error;
  const isOfLayer = error.code === "LAYER_CORRUPT" && (error.layers.length === 0 || error.layers[0] === id);
  const isOther = error.code === "UNSUPPORTED" || (error.code === "SOURCE_INVALID" && error.path === undefined);
  if (!isOfLayer && !isOther) return error;
  const state = error.message.replace(/^Cannot [^:]*: /, "");
  return state.startsWith(name) ? invalid(state, error) : invalid(`${name} is no layer that varve wrote: ${state}`, error);
}

function invalid(state: string, cause?: unknown): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot take a layer in: ${state}`, {
    hint: "It is damaged or was made to do harm. Make it again, or take it from its source again.",
    cause,
  });
}
