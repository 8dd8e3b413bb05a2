import { VarveError } from "../../core/errors.js";
import type { LayerId } from "../../core/model/ids.js";

const HINT = `"varve fsck" tells all that is damaged, and what that touches.
"varve fsck --repair" fetches contents that other layers, or the tracked directory, hold; what it can't mend it moves to quarantine/ in the store.
Then restore the image from a backup, or commit or import the same tree again.`;

/** @param state Follows the layer's id: `it is missing`. @param path The image file. */
export function layerCorrupt(id: string, state: string, path: string, cause?: unknown): VarveError {
  return new VarveError("LAYER_CORRUPT", `Cannot read layer "${id}": ${state}`, { path, hint: HINT, layers: [id], cause });
}

/** @param cause What is wrong with the lender. */
export function lenderCorrupt(borrower: LayerId, lender: LayerId, cause: VarveError): VarveError {
  const state = cause.message.slice(cause.message.indexOf(": ") + 2);
  return new VarveError("LAYER_CORRUPT", `Cannot read layer "${borrower}", which borrows from layer "${lender}": ${state}`, {
    path: cause.path,
    hint: cause.hint,
    layers: [...cause.layers, borrower],
    cause,
  });
}
