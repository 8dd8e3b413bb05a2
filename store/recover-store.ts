import path from "node:path";
import { VarveError } from "../core/errors.js";
import { finishRefUpdates } from "./git/ref-recovery.js";
import { deadScratch, removeScratch } from "./scratch.js";
import type { StoreLayout } from "./store-layout.js";
import { exclusively } from "./store-lock.js";

/**
 * Clears away what dead processes left in scratch/, after bringing to its end what they had begun to publish. Leaves all for the
 * next command when another one holds the lock or this one may not write. A crash in here is mended by the next recovery.
 */
export async function recoverStore(layout: StoreLayout): Promise<void> {
  try {
    await exclusively(layout, async () => recover(layout), { wait: false, command: "recovery" });
  } catch (error) {
    if (!(error instanceof VarveError && ["STORE_LOCKED", "PERMISSION"].includes(error.code))) throw error;
  }
}

function recover(layout: StoreLayout): void {
  const names = deadScratch(layout);
  const kept = finishRefUpdates(layout, names);
  for (const name of names) {
    if (!kept.has(name)) removeScratch(path.join(layout.scratch, name));
  }
}
