import { closeSync, fsyncSync, openSync, rmSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { ContentDigest } from "../../core/model/ids.js";
import type { BlobDigest } from "../../core/model/image.js";
import type { FileContent } from "../../core/model/tree.js";
import type { HistoryBlob } from "../../core/ports/histories.js";
import { writeFully } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import { systemFailure } from "../system-failure.js";
import { publish, tarFile, type BlobLayout } from "./blob-store.js";
import { putTogether } from "./layer-tar.js";

/** A record of a few bytes can tell of a tar without end. */
const LARGEST_TAR_BYTES = 2 ** 38;

/** Histories.receiveTar. */
export async function receiveTar(
  layout: BlobLayout,
  diffId: BlobDigest,
  { name, ...blob }: HistoryBlob,
  contentOf: (digest: ContentDigest, size: number) => FileContent | undefined,
): Promise<void> {
  const scratch = scratchPath(layout, "tar");
  try {
    const fd = openSync(scratch, "wx", 0o644);
    try {
      for await (const piece of blob.open()) writeFully(fd, piece);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    await requireWhole(scratch, diffId, contentOf);
    publish(scratch, tarFile(layout, diffId));
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "STORE_DAMAGED")
      throw systemFailure("keep the record of a tar", error, scratch);
    throw new VarveError("SOURCE_INVALID", `Cannot take the history in: ${name} gives another one, or none`, {
      hint: "It is damaged or was made to do harm. Make it again, or take it from its source again.",
      cause: error,
    });
  } finally {
    rmSync(scratch, { force: true });
  }
}

async function requireWhole(
  file: string,
  diffId: BlobDigest,
  contentOf: (digest: ContentDigest, size: number) => FileContent | undefined,
): Promise<void> {
  let bytes = 0;
  for await (const piece of putTogether(file, diffId, contentOf)) {
    bytes += piece.length;
    if (bytes > LARGEST_TAR_BYTES) throw new VarveError("STORE_DAMAGED", "Cannot put a layer's tar together: it has no end");
  }
}
