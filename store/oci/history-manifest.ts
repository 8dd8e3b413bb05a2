import { createHash } from "node:crypto";
import type { LayerId } from "../../core/model/ids.js";
import { blobDigest, isBlobDigest, type BlobDigest, type BlobRecord } from "../../core/model/image.js";
import type { OutgoingBlob } from "../../core/ports/outgoing-blob.js";
import { objectOf, readDescriptor } from "./descriptor.js";

/** What tells a history from images: docs/interchange.md, "Histories". */
export const HISTORY_TYPE = "application/vnd.varve.history.v1";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const EMPTY = "application/vnd.oci.empty.v1+json";
const OBJECTS = "application/vnd.varve.history.objects.v1.git-bundle";
const LAYER = "application/vnd.varve.layer.v1.erofs+gzip";
const DOCUMENT = "application/vnd.varve.image-document.v1";
const TAR = "application/vnd.varve.tar-record.v1";
const LAYER_ID = "vnd.varve.layer";
const LAYER_BYTES = "vnd.varve.layer.bytes";
const DIFF_ID = "vnd.varve.diff-id";

const BLOCK_BYTES = 4096;
/** EROFS counts blocks in 32 bits. */
const LARGEST_LAYER_BYTES = 2 ** 44;
/** Deflate packs 1,032 bytes into one at most. */
const HIGHEST_RATIO = 1040;
/** They are in memory while they are read. */
const LARGEST_OBJECTS_BYTES = 2 ** 27;
const LARGEST_DOCUMENT_BYTES = 2 ** 23;
const MOST_BLOBS = 30_000;

export type HistoryPart =
  | { readonly kind: "objects"; readonly record: BlobRecord }
  | { readonly kind: "layer"; readonly record: BlobRecord; readonly id: LayerId; readonly imageBytes: number }
  | { readonly kind: "document"; readonly record: BlobRecord }
  | { readonly kind: "tar"; readonly record: BlobRecord; readonly diffId: BlobDigest };

/** What a part of a history is, before its digest is known. */
export type PartKind =
  | { readonly kind: "objects" | "document" }
  | { readonly kind: "layer"; readonly id: LayerId; readonly imageBytes: number }
  | { readonly kind: "tar"; readonly diffId: BlobDigest };

const TYPES: Readonly<Record<PartKind["kind"], string>> = { objects: OBJECTS, layer: LAYER, document: DOCUMENT, tar: TAR };

export function encodeManifest(parts: readonly HistoryPart[], subject: BlobRecord | undefined): OutgoingBlob {
  const value = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: HISTORY_TYPE,
    config: emptyConfig().record,
    layers: parts.map(descriptorOf),
    ...(subject && { subject }),
  };
  return blobOf(MANIFEST, Buffer.from(JSON.stringify(value)));
}

function descriptorOf(part: HistoryPart): object {
  const { digest, size } = part.record;
  const annotations =
    part.kind === "layer"
      ? { [LAYER_ID]: part.id, [LAYER_BYTES]: String(part.imageBytes) }
      : part.kind === "tar"
        ? { [DIFF_ID]: part.diffId }
        : undefined;
  return { mediaType: TYPES[part.kind], digest, size, ...(annotations && { annotations }) };
}

export function emptyConfig(): OutgoingBlob {
  return blobOf(EMPTY, Buffer.from("{}"));
}

export function blobOf(mediaType: string, bytes: Buffer): OutgoingBlob {
  const digest = blobDigest(createHash("sha256").update(bytes).digest("hex"));
  return {
    record: { mediaType, digest, size: bytes.length },
    async *open() {
      yield bytes;
    },
  };
}

export function partType(kind: PartKind["kind"]): string {
  return TYPES[kind];
}

/** Whether a manifest, or a descriptor of one, says that it is a history's. */
export function isHistory(value: unknown): boolean {
  return objectOf(value)["artifactType"] === HISTORY_TYPE;
}

/** @throws SyntaxError, with what is wrong as text that follows "its manifest". */
export function decodeManifest(value: unknown): readonly HistoryPart[] {
  const { layers, manifests, mediaType, artifactType } = objectOf(value);
  if (artifactType !== HISTORY_TYPE || mediaType !== MANIFEST || manifests !== undefined)
    throw new SyntaxError("is none of a history");
  if (!Array.isArray(layers) || layers.length > MOST_BLOBS) throw new SyntaxError(`has no list of at most ${MOST_BLOBS} blobs`);
  const parts = layers.map(partOf);
  if (parts.filter(({ kind }) => kind === "objects").length !== 1 || parts[0]?.kind !== "objects")
    throw new SyntaxError("does not begin with the git objects");
  const names = parts.map(
    (part) => `${part.kind} ${part.kind === "layer" ? part.id : part.kind === "tar" ? part.diffId : part.record.digest}`,
  );
  if (new Set(names).size < names.length) throw new SyntaxError("names something twice");
  return parts;
}

function partOf(value: unknown): HistoryPart {
  const { mediaType, algorithm, hex, size } = readDescriptor(value) ?? {};
  if (algorithm !== "sha256" || hex === undefined || mediaType === undefined || size === undefined)
    throw new SyntaxError("has a descriptor that can't be read");
  const record = { mediaType, digest: blobDigest(hex), size };
  const annotations = objectOf(objectOf(value)["annotations"]);
  switch (mediaType) {
    case OBJECTS:
      return { kind: "objects", record: bounded(record, LARGEST_OBJECTS_BYTES) };
    case DOCUMENT:
      return { kind: "document", record: bounded(record, LARGEST_DOCUMENT_BYTES) };
    case TAR: {
      const diffId = annotations[DIFF_ID];
      if (!isBlobDigest(diffId)) throw new SyntaxError("has the record of a tar without a DiffID");
      return { kind: "tar", record, diffId };
    }
    case LAYER:
      return layerOf(record, annotations[LAYER_ID], annotations[LAYER_BYTES]);
    default:
      throw new SyntaxError(`has a blob of the type ${JSON.stringify(mediaType)}, which no history has`);
  }
}

function layerOf(record: BlobRecord, id: unknown, bytes: unknown): HistoryPart {
  if (typeof id !== "string" || !/^[0-9a-f]{64}$/.test(id)) throw new SyntaxError("has a layer without an id");
  const imageBytes = typeof bytes === "string" && /^[0-9]{1,15}$/.test(bytes) ? Number(bytes) : NaN;
  const isPossible = imageBytes > 0 && imageBytes % BLOCK_BYTES === 0 && imageBytes <= LARGEST_LAYER_BYTES;
  if (!isPossible || imageBytes > record.size * HIGHEST_RATIO)
    throw new SyntaxError(`has a layer "${id.slice(0, 12)}" of a size that it can't have`);
  return { kind: "layer", record, id: id as LayerId, imageBytes };
}

function bounded(record: BlobRecord, most: number): BlobRecord {
  if (record.size <= most) return record;
  throw new SyntaxError(`has a blob of ${record.size} bytes, expected at most ${most}`);
}
