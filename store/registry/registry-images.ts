import { createHash } from "node:crypto";
import { VarveError, type ErrorCode } from "../../core/errors.js";
import type { ImageReference } from "../../core/model/image.js";
import { shortImageName } from "../../core/image/image-reference.js";
import { blobDigest, type BlobRecord } from "../../core/model/image.js";
import type { ImageDocument, OpenedImages, OpenImageOptions, OutgoingImage, SourceLayer } from "../../core/ports/images.js";
import type { OutgoingBlob } from "../../core/ports/outgoing-blob.js";
import type { PullOptions, PushedImage, PushOptions } from "../../core/ports/registries.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { readDescriptor, type Descriptor } from "../oci/descriptor.js";
import { chooseManifest, layersOf } from "../oci/find-manifest.js";
import type { StoreLayout } from "../store-layout.js";
import { openReferringHistory } from "./referring-history.js";
import { invalidAnswer } from "./registry-fault.js";
import { objectOf } from "./read-json.js";
import { RegistryClient } from "./registry-client.js";
import type { RegistryManifest } from "./manifest.js";

/** Indexes within indexes: tools make one level. */
const DEEPEST_INDEX = 4;
const LARGEST_CONFIG_BYTES = 8 * 1024 * 1024;
/** What a registry says that takes images and nothing else. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["REGISTRY_INVALID", "REGISTRY_DENIED", "UNSUPPORTED"]);
/** Blobs that are sent at the same time. */
const AT_ONCE = 3;

/** Registries.open. */
export async function openRegistryImage(
  layout: StoreLayout,
  reference: ImageReference,
  { platform, insecure, history: wantsHistory }: OpenImageOptions & PullOptions,
): Promise<OpenedImages> {
  const client = clientOf(reference, insecure);
  try {
    const manifest = await manifestFor(client, reference, platform);
    const config = readDescriptor(manifest.document["config"]);
    if (config === undefined) throw invalidAnswer(reference.registry, "its manifest has no config that can be read");
    const place = shortImageName(reference);
    const layers = layersOf(manifest.document, place);
    const bytes = await configBytes(client, config, reference);
    const manifestRecord = { mediaType: manifest.mediaType, digest: sha256(manifest.bytes), size: manifest.bytes.length };
    const image = {
      references: [shortImageName({ ...reference, ...(reference.tag !== undefined && { digest: undefined }) })],
      config: documentOf(bytes, { mediaType: config.mediaType, digest: sha256(bytes), size: bytes.length }, reference),
      manifest: { record: manifestRecord, bytes: manifest.bytes, value: manifest.document },
      layers: layers.map((layer, index) => sourceLayer(client, layer, index)),
    };
    const history =
      wantsHistory === true ? await openReferringHistory(layout, client, reference, manifestRecord.digest) : undefined;
    return { images: [image], history, close: () => client.close() };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Registries.push. */
export async function pushImage(image: OutgoingImage, reference: ImageReference, options: PushOptions): Promise<PushedImage> {
  const client = clientOf(reference, options.insecure);
  try {
    const sentBytes = await sendBlobs(client, [...image.layers, image.config], options);
    const sent = await pushHistory(client, image.manifest.record, options);
    const name = reference.tag ?? image.manifest.record.digest;
    const digest = await client.putManifest(name, await bytesOf(image.manifest), image.manifest.record.mediaType);
    return { digest, sentBytes: sentBytes + sent.bytes, historyDigest: sent.digest, historyFault: sent.fault };
  } finally {
    client.close();
  }
}

interface SentHistory {
  readonly bytes: number;
  readonly digest?: string;
  readonly fault?: string;
}

/**
 * The history goes before the image: whoever sees the tag sees both. A registry that takes no artifacts gets the image alone.
 * @param subject The image's manifest.
 */
async function pushHistory(client: RegistryClient, subject: BlobRecord, options: PushOptions): Promise<SentHistory> {
  const { history } = options;
  if (history === undefined) return { bytes: 0 };
  const bytes = await sendBlobs(client, [...history.blobs, history.config], options);
  const manifest = history.manifest(subject);
  try {
    const digest = await client.putManifest(manifest.record.digest, await bytesOf(manifest), manifest.record.mediaType);
    return { bytes, digest };
  } catch (error) {
    if (error instanceof VarveError && REFUSALS.has(error.code)) return { bytes, fault: error.message };
    throw error;
  }
}

async function bytesOf(blob: OutgoingBlob): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of blob.open()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Each once, several at the same time. @returns Bytes that the registry did not have. */
async function sendBlobs(client: RegistryClient, all: readonly OutgoingBlob[], options: PushOptions): Promise<number> {
  const waiting = [...new Map(all.map((blob) => [blob.record.digest, blob])).values()].values();
  let bytes = 0;
  const send = async (): Promise<void> => {
    for (const blob of waiting) bytes += await sendBlob(client, blob, options);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return bytes;
}

/** @returns Bytes that the registry did not have. */
async function sendBlob(client: RegistryClient, { record, open }: OutgoingBlob, { onBlob }: PushOptions): Promise<number> {
  const { digest, size } = record;
  if ((await client.headBlob(digest)) !== undefined) {
    onBlob?.({ digest, size, sent: undefined });
    return 0;
  }
  let sent = 0;
  await client.putBlob({ digest, size }, async function* () {
    sent = 0;
    for await (const piece of open()) {
      yield piece;
      sent += piece.length;
      onBlob?.({ digest, size, sent });
    }
  });
  return size;
}

function clientOf({ registry, repository }: ImageReference, insecure: ReadonlySet<string>): RegistryClient {
  return new RegistryClient(registry, repository, { insecure, signal: interruptionSignal() });
}

async function manifestFor(
  client: RegistryClient,
  reference: ImageReference,
  platform: string | undefined,
): Promise<RegistryManifest> {
  let manifest = await client.manifest(reference.digest ?? reference.tag ?? "latest");
  for (let depth = 0; Array.isArray(manifest.document["manifests"]); depth += 1) {
    if (depth >= DEEPEST_INDEX)
      throw invalidAnswer(reference.registry, `its indexes lead more than ${DEEPEST_INDEX} deep, or in a circle`);
    const { algorithm, hex } = chooseManifest(manifest.document, shortImageName(reference), platform);
    manifest = await client.manifest(`${algorithm}:${hex}`);
  }
  return manifest;
}

async function configBytes(
  client: RegistryClient,
  { algorithm, hex, size }: Descriptor,
  { registry }: ImageReference,
): Promise<Buffer> {
  if (size > LARGEST_CONFIG_BYTES)
    throw invalidAnswer(registry, `the image's config has ${size} bytes, wanted at most ${LARGEST_CONFIG_BYTES}`);
  const pieces: Uint8Array[] = [];
  for await (const piece of client.blob({ digest: `${algorithm}:${hex}`, size })) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

function sourceLayer(client: RegistryClient, { mediaType, algorithm, hex, size }: Descriptor, index: number): SourceLayer {
  return {
    record: algorithm === "sha256" ? { mediaType, digest: blobDigest(hex), size } : undefined,
    name: `layer ${index + 1} of the image`,
    open: () => client.blob({ digest: `${algorithm}:${hex}`, size }),
  };
}

function documentOf(bytes: Buffer, record: BlobRecord, { registry }: ImageReference): ImageDocument {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { record, bytes, value: objectOf(value) };
  } catch (cause) {
    throw new VarveError("REGISTRY_INVALID", `Cannot read an answer of ${registry}: the image's config is no JSON`, { cause });
  }
  throw invalidAnswer(registry, "the image's config is no JSON object");
}

function sha256(bytes: Uint8Array): BlobRecord["digest"] {
  return blobDigest(createHash("sha256").update(bytes).digest("hex"));
}
