import { closeSync, openSync, unlinkSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { ContentReader } from "../../core/model/tree.js";
import type { ByteRange } from "./block-runs.js";
import { type OwnRun } from "./content-pieces.js";
import type { DataRegion } from "./data-region.js";
import { BLOCK_BYTES } from "./image-format.js";
import { readAt, writeAt } from "./write-at.js";

const PIECE_BYTES = 1 << 20;

/** A sparse content in a file without a name. */
export interface RunCopy {
  readonly reader: ContentReader;
  readonly data: readonly ByteRange[];
  close(): void;
}

/** Copies what runs of the data region hold to a file of the content's own form, holes as holes. @param file A path for it. */
export function copyOfRuns(region: DataRegion, runs: readonly OwnRun[], size: number, file: string): RunCopy {
  const fd = openSync(file, "wx+", 0o600);
  unlinkSync(file);
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  const data = runs.map(({ block, count }) => {
    const offset = block * BLOCK_BYTES;
    return { offset, length: Math.min(count * BLOCK_BYTES, size - offset) };
  });
  data.forEach(({ offset, length }, index) => {
    const from = (runs[index] as OwnRun).address * BLOCK_BYTES;
    for (let done = 0; done < length;) {
      const count = region.read(piece.subarray(0, Math.min(PIECE_BYTES, length - done)), from + done);
      if (count === 0) throw new VarveError("IO", "Cannot read an unfinished layer: it is shorter than what was written");
      writeAt(fd, piece.subarray(0, count), offset + done);
      done += count;
    }
  });
  const reader: ContentReader = {
    read: (buffer, position) => readAt(fd, buffer, position),
    verify: () => undefined,
    close: () => undefined,
  };
  return { reader, data, close: () => closeSync(fd) };
}
