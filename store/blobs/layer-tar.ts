import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import type { ContentDigest } from "../../core/model/ids.js";
import { hexOf, type BlobDigest } from "../../core/model/image.js";
import type { ContentReader, FileContent } from "../../core/model/tree.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { readTarRecord, type ContentPart } from "./tar-record.js";

const CHUNK_BYTES = 1 << 18;

/** Blobs.tar. Chunks are the receiver's to keep. */
export async function* putTogether(
  file: string,
  diffId: BlobDigest,
  contentOf: (digest: ContentDigest, size: number) => FileContent | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let used = 0;
  const full = (): Uint8Array => {
    const bytes = chunk.subarray(0, used);
    hash.update(bytes);
    chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    used = 0;
    return bytes;
  };
  for (const part of readTarRecord(file)) {
    for (const source of "bytes" in part ? [part.bytes] : readPieces(part, requireContent(part, contentOf, file))) {
      for (let at = 0; at < source.length;) {
        const count = Math.min(source.length - at, chunk.length - used);
        chunk.set(source.subarray(at, at + count), used);
        used += count;
        at += count;
        if (used < chunk.length) continue;
        yield full();
        if (isTurnDue()) await yieldToSignals();
      }
    }
  }
  if (used > 0) yield full();
  if (hash.digest("hex") !== hexOf(diffId)) throw damaged(file, "its record does not give the bytes that were read");
}

/** Blobs.tarSize. */
export function tarSize(file: string): number {
  let size = 0;
  for (const part of readTarRecord(file))
    size += "bytes" in part ? part.bytes.length : part.pieces.reduce((sum, { length }) => sum + length, 0);
  return size;
}

/** Each is valid until the next. */
function* readPieces({ pieces }: ContentPart, content: FileContent): Generator<Uint8Array> {
  // The tar's own digest tells of a damage.
  const reader = content.open({ check: false });
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  try {
    for (const { offset, length } of pieces) {
      for (let at = 0; at < length;) {
        const count = readAt(reader, buffer.subarray(0, Math.min(buffer.length, length - at)), offset + at);
        yield buffer.subarray(0, count);
        at += count;
      }
    }
  } finally {
    reader.close();
  }
}

function readAt(reader: ContentReader, buffer: Uint8Array, position: number): number {
  const count = reader.read(buffer, position);
  if (count === 0)
    throw new VarveError("STORE_DAMAGED", "Cannot put a layer's tar together: a content is shorter than its record says");
  return count;
}

function requireContent(
  { digest, size }: ContentPart,
  contentOf: (digest: ContentDigest, size: number) => FileContent | undefined,
  file: string,
): FileContent {
  const content = contentOf(digest, size);
  if (content?.size === size) return content;
  throw damaged(file, `the layer does not hold the content ${digest.slice(0, 12)}`);
}

function damaged(file: string, state: string): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot put a layer's tar together: ${state}`, {
    path: file,
    hint: "Run `varve fsck --repair`, then load or pull the image again: that puts the record back.",
  });
}
