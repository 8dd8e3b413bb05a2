import type { Usage, UsageBytes } from "../../core/maintenance/measure-usage.js";
import { printableLine } from "../printable.js";
import { refText, shortId } from "./names.js";
import { readableBytes } from "./quantities.js";
import { textTable } from "./text-table.js";

const SHORT_LAYER_DIGITS = 12;

/** What `du --json` prints: docs/json.md, "du". */
export function usageJson({ commits, layers, total }: Usage): Record<string, unknown> {
  return {
    commits: commits.map(({ commit, refs, layers: count, efficiency, ...bytes }) => {
      return { commit, refs: refs.map(refText), layers: count, ...bytesJson(bytes), efficiency };
    }),
    layers: layers.map(({ layer, commit, ...bytes }) => ({ layer, commit: commit ?? null, ...bytesJson(bytes) })),
    total: { ...bytesJson(total), efficiency: total.efficiency },
  };
}

function bytesJson({ stored, exclusive, shared, borrowed, wasted }: UsageBytes): Record<string, number> {
  return {
    storedBytes: stored,
    exclusiveBytes: exclusive,
    sharedBytes: shared,
    borrowedBytes: borrowed,
    wastedBytes: wasted,
  };
}

export function usageText({ commits, layers, total }: Usage): string {
  const heads = ["STORED", "EXCLUSIVE", "SHARED", "BORROWED", "WASTED"];
  const commitRows = commits.map((row) => [
    shortId(row.commit),
    ...cells(row),
    percent(row.efficiency),
    printableLine(row.refs.map(refText).join(", ")),
  ]);
  const layerRows = layers.map((row) => [
    row.layer.slice(0, SHORT_LAYER_DIGITS),
    ...cells(row),
    row.commit === undefined ? "" : shortId(row.commit),
  ]);
  const totalRow = ["total", ...cells(total), percent(total.efficiency)];
  return [
    textTable([["COMMIT", ...heads, "EFFICIENCY", "REFS"], ...commitRows]),
    textTable([["LAYER", ...heads, "COMMIT"], ...layerRows, totalRow]),
  ].join("\n");
}

function cells({ stored, exclusive, shared, borrowed, wasted }: UsageBytes): string[] {
  return [stored, exclusive, shared, borrowed, wasted].map(readableBytes);
}

/** Rounded down, so that 100% means that nothing is wasted. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)}%`;
}
