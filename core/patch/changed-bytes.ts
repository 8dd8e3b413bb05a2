import type { Extent, FileContent } from "../model/tree.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

const PIECE_BYTES = 1 << 18;
/** What is read at most, of both sides: a second or two. */
const MOST_READ_BYTES: number = 1024 ** 3;

export interface ChangedBytes {
  /** Positions whose byte differs, and those that one side alone has. */
  readonly count: number;
  /** False when the contents were too large to be read to their end: then it is a lower bound. */
  readonly exact: boolean;
}

/** Compares two contents position by position. Where both have holes nothing is read. @throws VarveError SOURCE_CHANGED, INTERRUPTED. */
export async function changedBytes(before: FileContent, after: FileContent): Promise<ChangedBytes> {
  const common = Math.min(before.size, after.size);
  let count = Math.max(before.size, after.size) - common;
  let left = MOST_READ_BYTES;
  const [old, now] = [before.open({ check: false }), after.open({ check: false })];
  const [a, b] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)];
  try {
    for (const { offset, length } of dataOfEither(before, after, common)) {
      for (let at = offset; at < offset + length; at += PIECE_BYTES) {
        if (left <= 0) return { count, exact: false };
        if (isTurnDue()) await yieldToSignals();
        const wanted = Math.min(PIECE_BYTES, offset + length - at);
        const [one, other] = [readFully(old, a.subarray(0, wanted), at), readFully(now, b.subarray(0, wanted), at)];
        count += differing(one, other);
        left -= 2 * wanted;
      }
    }
    return { count, exact: true };
  } finally {
    old.close();
    now.close();
  }
}

function readFully(reader: { read(buffer: Uint8Array, position: number): number }, into: Buffer, position: number): Buffer {
  let done = 0;
  for (let count = -1; done < into.length && count !== 0; done += count) {
    count = reader.read(into.subarray(done), position + done);
  }
  // A live file may have become shorter since.
  return into.fill(0, done);
}

function differing(one: Buffer, other: Buffer): number {
  if (one.equals(other)) return 0;
  let count = 0;
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) count += 1;
  return count;
}

/** The parts up to `end` where one of the two at least is no hole, in order. */
function* dataOfEither(before: FileContent, after: FileContent, end: number): Generator<{ offset: number; length: number }> {
  let [start, stop] = [0, 0];
  for (const { offset, length } of inOrder(dataOf(before), dataOf(after))) {
    if (offset > stop) {
      if (stop > start) yield { offset: start, length: Math.min(stop, end) - start };
      start = offset;
    }
    stop = Math.max(stop, offset + length);
    if (start >= end) return;
  }
  if (Math.min(stop, end) > start) yield { offset: start, length: Math.min(stop, end) - start };
}

function* dataOf(content: FileContent): Generator<Extent> {
  for (const extent of content.extents()) if (extent.kind === "data") yield extent;
}

function* inOrder(one: Iterator<Extent>, other: Iterator<Extent>): Generator<Extent> {
  let [a, b] = [one.next(), other.next()];
  while (!a.done || !b.done) {
    if (!a.done && (b.done || a.value.offset <= b.value.offset)) {
      yield a.value;
      a = one.next();
    } else if (!b.done) {
      yield b.value;
      b = other.next();
    }
  }
}
