import type { Hash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import type { Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import type { ContentReader } from "../../core/model/tree.js";

const PIECE_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/** Blocks of the data region that hold blocks of a content. */
export interface OwnRun {
  readonly block: number;
  readonly count: number;
  readonly address: number;
  /** Of LentRun. */
  readonly lender: 0;
}

export function* hashZeros(hash: Hash | undefined, length: number): Turns<void> {
  if (hash === undefined) return;
  for (let rest = length; rest > 0; rest -= PIECE_BYTES) {
    hash.update(rest < PIECE_BYTES ? ZEROS.subarray(0, rest) : ZEROS);
    if (isTurnDue()) yield;
  }
}

/** @throws VarveError SOURCE_CHANGED when the content ends before. */
export function readExactly(reader: ContentReader, buffer: Buffer, position: number, length: number): void {
  for (let done = 0; done < length;) {
    const count = reader.read(buffer.subarray(done, length), position + done);
    if (count === 0) {
      reader.verify();
      throw new VarveError("SOURCE_CHANGED", "Cannot read a file: it is shorter than it was when its size was asked");
    }
    done += count;
  }
}
