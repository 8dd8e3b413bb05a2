import type { Extent } from "../../core/model/tree.js";
import { BLOCK_BYTES, CHUNK_BITS_MASK, HOLE_ADDRESS } from "./image-format.js";

/** Consecutive blocks of a file that stand consecutively in one image. Blocks between runs are holes. */
export interface BlockRun {
  /** First block, counted in the file. */
  readonly block: number;
  readonly count: number;
  /** First block, counted in the image that holds it. */
  readonly address: number;
}

/** A sparse file whose index would have more chunks gets larger chunks, and its smallest holes become data. 128 KiB of index. */
export const INDEX_LIMIT: number = 1 << 14;

/**
 * The largest chunk (as log2 of its blocks) that shows every run and hole exactly.
 *
 * @param runs In order of `block`, without overlaps; neighbours in the file that are none in the image are runs of their own.
 * @param blocks Of the whole file; the last chunk may go past it.
 */
export function exactChunkBits(runs: Iterable<BlockRun>, blocks: number): number {
  let bits = bitsFor(blocks);
  let end = 0;
  for (const { block, count } of runs) {
    bits = Math.min(bits, alignment(block), alignment(end));
    end = block + count;
  }
  return end < blocks ? Math.min(bits, alignment(end)) : bits;
}

/** The smallest chunk of which `limit` cover the file. */
export function smallestChunkBits(blocks: number, limit: number = INDEX_LIMIT): number {
  return bitsFor(Math.ceil(blocks / limit));
}

export function chunkCount(blocks: number, bits: number): number {
  return Math.ceil(blocks / 2 ** bits);
}

/** log2 of the smallest power of two that is `blocks` or more, as far as a chunk format can say it. */
function bitsFor(blocks: number): number {
  return Math.min(Math.max(0, Math.ceil(Math.log2(Math.max(1, blocks)))), CHUNK_BITS_MASK);
}

/** How often 2 divides it; 0 is divided by all. */
function alignment(block: number): number {
  let bits = 0;
  for (let rest = block; rest !== 0 && rest % 2 === 0; rest /= 2) bits += 1;
  return block === 0 ? CHUNK_BITS_MASK : bits;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** The blocks in chunks of 2^bits blocks that data touches, as ranges of whole chunks, cut at the end of the file. */
export function touchedRanges(data: Iterable<ByteRange>, size: number, bits: number): ByteRange[] {
  const unit = BLOCK_BYTES * 2 ** bits;
  const ranges: { offset: number; length: number }[] = [];
  for (const { offset, length } of data) {
    const from = Math.floor(offset / unit) * unit;
    const to = Math.min(Math.ceil((offset + length) / unit) * unit, size);
    const last = ranges.at(-1);
    if (last !== undefined && from <= last.offset + last.length) last.length = Math.max(last.length, to - last.offset);
    else ranges.push({ offset: from, length: to - from });
  }
  return ranges;
}

/** A chunk index as it stands in an image. */
export interface ChunkIndex {
  /** 0: the image itself. */
  readonly device: number;
  readonly address: number;
}

/** The runs that a chunk index tells, neighbours joined. @param index Gives the entry of a chunk. */
export function* runsOfChunks(
  blocks: number,
  bits: number,
  index: (chunk: number) => ChunkIndex,
): Generator<BlockRun & { device: number }> {
  const unit = 2 ** bits;
  let run: { block: number; count: number; address: number; device: number } | undefined;
  for (let chunk = 0; chunk * unit < blocks; chunk += 1) {
    const { device, address } = index(chunk);
    const block = chunk * unit;
    const count = Math.min(unit, blocks - block);
    const hole = address === HOLE_ADDRESS;
    if (!hole && run?.device === device && run.block + run.count === block && run.address + run.count === address) {
      run.count += count;
      continue;
    }
    if (run !== undefined) yield run;
    run = hole ? undefined : { block, count, address, device };
  }
  if (run !== undefined) yield run;
}

/** Data ranges with the holes between them. */
export function* extentsOf(data: Iterable<ByteRange>, size: number): Generator<Extent> {
  let position = 0;
  for (const { offset, length } of data) {
    if (offset > position) yield { offset: position, length: offset - position, kind: "hole" };
    yield { offset, length, kind: "data" };
    position = offset + length;
  }
  if (position < size) yield { offset: position, length: size - position, kind: "hole" };
}
