import type { LayerProgress } from "../core/layers/write-layer.js";
import { counted, readableBytes } from "./render/quantities.js";
import type { Terminal } from "./terminal.js";

const INTERVAL_MILLISECONDS = 100;

/** Shows how far a commit has come, on a terminal only; the first half second stays quiet. */
export function showProgress(terminal: Terminal): (progress: LayerProgress) => void {
  let next = performance.now() + 5 * INTERVAL_MILLISECONDS;
  return ({ entries, bytes }) => {
    const now = performance.now();
    if (now < next) return;
    next = now + INTERVAL_MILLISECONDS;
    terminal.progress(`${counted(entries, "entry", "entries")}, ${readableBytes(bytes)}`);
  };
}
