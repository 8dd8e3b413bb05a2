import type { FileContent } from "../../core/model/tree.js";
import { chunkCount, exactChunkBits, INDEX_LIMIT, smallestChunkBits, touchedRanges, type ByteRange } from "./block-runs.js";
import type { OwnRun } from "./content-pieces.js";
import type { WrittenContent } from "./content-table.js";
import { BLOCK_BYTES, blocksOf } from "./image-format.js";

/** What of a sparse content takes room. */
export interface SparsePlan {
  /** Whole chunks, in order, each piece of data within one; the last is cut at the content's end. */
  readonly ranges: readonly ByteRange[];
  /** log2 of the blocks in a chunk. */
  readonly chunkBits: number;
}

/** @param data In order. Past INDEX_LIMIT chunks these get larger, and the smallest holes become data. */
export function planSparse(data: readonly ByteRange[], size: number): SparsePlan {
  const blocks = blocksOf(size);
  const exact = touchedRanges(data, size, 0);
  const chunkBits = exactChunkBits(runsOfRanges(exact, 0), blocks);
  if (chunkCount(blocks, chunkBits) <= INDEX_LIMIT) return { ranges: exact, chunkBits };
  const coarse = smallestChunkBits(blocks);
  return { ranges: touchedRanges(data, size, coarse), chunkBits: coarse };
}

/** The runs that ranges become, written one after another. @param start Block of the data region. */
export function runsOfRanges(ranges: readonly ByteRange[], start: number): OwnRun[] {
  let address = start;
  return ranges.map(({ offset, length }) => {
    const run: OwnRun = { block: offset / BLOCK_BYTES, count: blocksOf(length), address, lender: 0 };
    address += run.count;
    return run;
  });
}

/** What `ContentStore.store` would make of a content. @param start Block of the data region at which it would begin. */
export function plannedContent(content: FileContent, start: number): WrittenContent {
  const data = dataRanges(content);
  if (data === undefined) return { start, blocks: blocksOf(content.size) };
  const { ranges, chunkBits } = planSparse(data, content.size);
  const runs = runsOfRanges(ranges, start);
  return { start, blocks: runs.reduce((sum, { count }) => sum + count, 0), runs, chunkBits };
}

/** @returns `undefined` when no hole covers a block. */
export function dataRanges(content: FileContent): ByteRange[] | undefined {
  const data: ByteRange[] = [];
  let hasHoles = false;
  for (const extent of content.extents()) {
    if (extent.kind === "data") data.push(extent);
    else hasHoles ||= extent.length >= BLOCK_BYTES;
  }
  return hasHoles ? data : undefined;
}
