import { mkdirSync } from "node:fs";
import path from "node:path";
import type { ContentDigest } from "../../../core/model/ids.js";
import { blobDigest, type BlobDigest } from "../../../core/model/image.js";
import { putTogether } from "../../../store/blobs/layer-tar.js";
import { TarRecorder } from "../../../store/blobs/tar-record.js";
import type { FileContent } from "../../../core/model/tree.js";
import { TarImport } from "../../../store/tar/import-tar.js";
import { inPieces } from "../tar/import-bytes.js";
import { MemoryLayerWriter } from "../tar/memory-layer-writer.js";

export interface RecordedTar {
  readonly file: string;
  /** As the record has it. */
  readonly diffId: BlobDigest;
  readonly contentOf: (digest: ContentDigest, size: number) => FileContent | undefined;
}

/** Reads a tar as a layer is read, with its contents in memory. @param directory For the record. */
export async function recordedTar(directory: string, bytes: Buffer, step?: number): Promise<RecordedTar> {
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `record-${step ?? 0}`);
  const writer = new MemoryLayerWriter();
  const recorder = new TarRecorder(file);
  await new TarImport(writer.asWriter(), { witness: recorder }).read(inPieces(bytes, step), "the tar");
  const diffId = blobDigest(recorder.finish());
  return { file, diffId, contentOf: (digest, size) => writer.content(digest, size) };
}

/** What the record, and the contents, give. */
export async function putTogetherAgain({ file, diffId, contentOf }: RecordedTar): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of putTogether(file, diffId, contentOf)) pieces.push(piece);
  return Buffer.concat(pieces);
}
