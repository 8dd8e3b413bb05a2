import type { LayerProgress } from "../core/layers/write-layer.js";
import { counted, readableBytes } from "./render/quantities.js";
import type { Terminal } from "./terminal.js";

const INTERVAL_MILLISECONDS = 100;

/**
 * Shows how far the writing of a layer has come, on a terminal only; the first half second stays quiet.
 *
 * @param what Comes before the numbers.
 * @returns Takes how far it is; nothing at the end.
 */
export function showProgress(terminal: Terminal, what = ""): (progress: LayerProgress | undefined) => void {
  let next = performance.now() + 5 * INTERVAL_MILLISECONDS;
  return (progress) => {
    if (progress === undefined) return terminal.progress("");
    const now = performance.now();
    if (now < next) return;
    next = now + INTERVAL_MILLISECONDS;
    const { entries, bytes } = progress;
    terminal.progress(`${what}${counted(entries, "entry", "entries")}, ${readableBytes(bytes)}`);
  };
}
