import { createHash } from "node:crypto";
import type { ContentDigest } from "../model/ids.js";
import type { ContentReader, Extent, FileContent } from "../model/tree.js";

/** A file's content that stands in memory, such as that of a merged file. */
export function contentOfBytes(bytes: Uint8Array): FileContent {
  const digest = createHash("sha256").update(bytes).digest("hex") as ContentDigest;
  const size = bytes.length;
  return {
    size,
    knownDigest: digest,
    stored: undefined,
    digest: () => digest,
    extents: () => (size === 0 ? [] : [{ offset: 0, length: size, kind: "data" } satisfies Extent]),
    open: () => readerOf(bytes),
  };
}

function readerOf(bytes: Uint8Array): ContentReader {
  const read = (buffer: Uint8Array, position: number): number => {
    const piece = bytes.subarray(position, position + buffer.length);
    buffer.set(piece);
    return piece.length;
  };
  return { read, verify: () => undefined, close: () => undefined };
}

/** The whole of a file that is known to be small. @throws VarveError what reading throws. */
export function bytesOfContent(content: FileContent): Buffer {
  const bytes = Buffer.alloc(content.size);
  const reader = content.open();
  try {
    let position = 0;
    while (position < bytes.length) {
      const length = reader.read(bytes.subarray(position), position);
      if (length === 0) break;
      position += length;
    }
    reader.verify();
    return bytes.subarray(0, position);
  } finally {
    reader.close();
  }
}
