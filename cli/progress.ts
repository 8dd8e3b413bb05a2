import type { LayerProgress } from "../core/model/layer-progress.js";
import type { VerifyProgress } from "../core/ports/store-checks.js";
import { counted, readableBytes } from "./render/quantities.js";
import type { Terminal } from "./terminal.js";

const INTERVAL_MILLISECONDS = 100;

/**
 * Shows how far the writing of a layer has come, on a terminal only; the first half second stays quiet.
 *
 * @param what Comes before the numbers.
 * @returns Takes how far it is; nothing at the end.
 */
export function showProgress(
  terminal: Pick<Terminal, "progress">,
  what: string | (() => string) = "",
): (progress: LayerProgress | undefined) => void {
  let next = performance.now() + 5 * INTERVAL_MILLISECONDS;
  return (progress) => {
    if (progress === undefined) return terminal.progress("");
    const now = performance.now();
    if (now < next) return;
    next = now + INTERVAL_MILLISECONDS;
    const { entries, bytes } = progress;
    const before = typeof what === "string" ? what : what();
    terminal.progress(`${before}${counted(entries, "entry", "entries")}, ${readableBytes(bytes)}`);
  };
}

/** The same for a count of things, such as layers. */
export function showCount(terminal: Terminal, what: string, thing: string): (count: number | undefined) => void {
  let next = performance.now() + 5 * INTERVAL_MILLISECONDS;
  return (count) => {
    if (count === undefined) return terminal.progress("");
    const now = performance.now();
    if (now < next) return;
    next = now + INTERVAL_MILLISECONDS;
    terminal.progress(`${what}${counted(count, thing)}`);
  };
}

/** Which layer of how many is worked on, on a terminal only. @param what Comes before it. */
export function showLayers(terminal: Terminal, what = ""): (layer: number, layers: number) => void {
  return (layer, layers) => terminal.progress(`${what}layer ${layer + 1} of ${layers}`);
}

const BAR_CELLS = 30;

/** Shows a bar of the bytes that were read of a known number, on a terminal only. */
export function showReading(terminal: Terminal): (progress: VerifyProgress) => void {
  let next = performance.now() + INTERVAL_MILLISECONDS;
  return ({ bytes, ofBytes }) => {
    const now = performance.now();
    if (now < next) return;
    next = now + INTERVAL_MILLISECONDS;
    const share = ofBytes === 0 ? 1 : bytes / ofBytes;
    const bar = "#".repeat(Math.round(share * BAR_CELLS)).padEnd(BAR_CELLS, ".");
    terminal.progress(`[${bar}] ${Math.floor(share * 100)}% of ${readableBytes(ofBytes)}`);
  };
}
