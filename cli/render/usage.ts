import type { Usage, UsageBytes } from "../../core/maintenance/measure-usage.js";
import { printableLine } from "../printable.js";
import { refText, shortId } from "./names.js";
import { counted, readableBytes } from "./quantities.js";
import { textTable } from "./text-table.js";

const SHORT_LAYER_DIGITS = 12;

/** What `du --json` prints: docs/json.md, "du". */
export function usageJson({ commits, layers, total, unpacked, blobs }: Usage): Record<string, unknown> {
  return {
    commits: commits.map(({ commit, refs, layers: count, efficiency, ...bytes }) => {
      return { commit, refs: refs.map(refText), layers: count, ...bytesJson(bytes), efficiency };
    }),
    layers: layers.map(({ layer, commit, ...bytes }) => ({ layer, commit: commit ?? null, ...bytesJson(bytes) })),
    total: { ...bytesJson(total), efficiency: total.efficiency },
    unpacked: { directories: unpacked.directories, bytes: unpacked.bytes },
    blobs: { count: blobs.count, bytes: blobs.bytes },
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

export function usageText({ commits, layers, total, unpacked, blobs }: Usage): string {
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
    ...unpackedText(unpacked),
    ...blobsText(blobs),
  ].join("\n");
}

/** Nothing where there is none, as in a store of root's. */
function unpackedText({ directories, bytes }: Usage["unpacked"]): readonly string[] {
  if (directories === 0) return [];
  const layers = directories === 1 ? "1 layer" : `${directories} layers`;
  return [`Besides, ${readableBytes(bytes)} in ${layers} that are unpacked for containers of an ordinary user\n`];
}

/** The same. */
function blobsText({ count, bytes }: Usage["blobs"]): readonly string[] {
  if (count === 0) return [];
  return [`Besides, ${readableBytes(bytes)} in ${counted(count, "blob")} that images came with\n`];
}

function cells({ stored, exclusive, shared, borrowed, wasted }: UsageBytes): string[] {
  return [stored, exclusive, shared, borrowed, wasted].map(readableBytes);
}

/** Rounded down, so that 100% means that nothing is wasted. */
function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)}%`;
}
