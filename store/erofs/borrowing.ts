import type { FileContent } from "../../core/model/tree.js";
import { chunkCount, exactChunkBits } from "./block-runs.js";
import { LONGEST_INDEX, type ContentTable, type WrittenContent } from "./content-table.js";
import { blocksOf, BLOCK_BYTES } from "./image-format.js";
import type { Lenders } from "./lenders.js";
import { plannedContent } from "./sparse-plan.js";
import type { ImageRun, ImageStoredContent } from "./stored-content.js";

/** Runs of layers beyond the chain: whoever borrows them must tell what the content would be without them. */
export interface OutsideRuns {
  readonly outside: readonly ImageRun[];
}

/** Finds contents of which no data need be written, and enters them in the content table. */
export class Borrowing {
  readonly #contents: ContentTable;
  readonly #lenders: Lenders;
  readonly #index: ((digest: Buffer, size: number) => ImageStoredContent | undefined) | undefined;

  /** @param index Finds a content of 4096 bytes or more in the layers that may lend. */
  constructor(
    contents: ContentTable,
    lenders: Lenders,
    index: ((digest: Buffer, size: number) => ImageStoredContent | undefined) | undefined,
  ) {
    this.#contents = contents;
    this.#lenders = lenders;
    this.#index = index;
  }

  /**
   * @returns The number of a content that the layer has, or borrows from its chain from now on; or the runs of one that others hold.
   * `undefined` when its data must be written.
   */
  find(digest: Buffer, size: number): number | OutsideRuns | undefined {
    const known = this.#contents.find(digest, size);
    if (known >= 0) return known;
    const runs = size < BLOCK_BYTES ? undefined : this.#index?.(digest, size)?.runs;
    return runs && this.lend(digest, size, runs);
  }

  /** As `find`, of a content that is known to stand there. */
  lend(digest: Buffer, size: number, runs: readonly ImageRun[]): number | OutsideRuns | undefined {
    const origin = this.#lenders.originOf(runs);
    if (origin !== "chain") return origin && { outside: runs };
    return this.#contents.addLent(digest, size, exactChunkBits(runs, blocksOf(size)), this.#lenders.borrow(runs, "both"));
  }

  /** @param canonical What the data would be, were it written. @returns The content's number. */
  addOutside(digest: Buffer, size: number, { outside }: OutsideRuns, canonical: WrittenContent): number {
    const lent = this.#lenders.borrow(outside, "written");
    return this.#contents.addLentFromOutside(digest, size, exactChunkBits(outside, blocksOf(size)), lent, canonical);
  }

  /** The same for a content that is not read. @param start Block of the data region at which it would begin. */
  addUnread(digest: Buffer, content: FileContent, runs: OutsideRuns, start: number): number {
    return this.addOutside(digest, content.size, runs, plannedContent(content, start));
  }
}

/** Whether it can't be pointed at, or only by a long index. */
export function isLongToPointAt(runs: readonly ImageRun[] | undefined, size: number): boolean {
  if (runs === undefined) return true;
  const blocks = blocksOf(size);
  return chunkCount(blocks, exactChunkBits(runs, blocks)) > LONGEST_INDEX;
}
