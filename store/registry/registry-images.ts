import { createHash } from "node:crypto";
import { VarveError, type ErrorCode } from "../../core/errors.js";
import { atOnce } from "../../core/exchange/at-once.js";
import { TRANSFERS_AT_ONCE } from "../../core/exchange/incoming-layers.js";
import type { ImageReference } from "../../core/model/image.js";
import { shortImageName } from "../../core/image/image-reference.js";
import { blobDigest, type BlobRecord } from "../../core/model/image.js";
import type { OutgoingHistory } from "../../core/ports/histories.js";
import type { ImageDocument, OpenedImages, OpenImageOptions, OutgoingImage, SourceLayer } from "../../core/ports/images.js";
import type { OutgoingBlob } from "../../core/ports/outgoing-blob.js";
import type { PullOptions, PushedImage, PushOptions, RegistryOptions } from "../../core/ports/registries.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { readDescriptor, type Descriptor } from "../oci/descriptor.js";
import { chooseManifest, layersOf } from "../oci/find-manifest.js";
import type { StoreLayout } from "../store-layout.js";
import { BlobPlaces, type PlacesLayout } from "./blob-places.js";
import { openReferringHistory } from "./referring-history.js";
import { invalidAnswer } from "./registry-fault.js";
import { readJsonObject } from "./read-json.js";
import { RegistryClient } from "./registry-client.js";
import type { RegistryManifest } from "./manifest.js";

/** Indexes within indexes: tools make one level. */
const DEEPEST_INDEX = 4;
const LARGEST_CONFIG_BYTES = 8 * 1024 * 1024;
/** What a registry says that takes images and nothing else. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["REGISTRY_INVALID", "REGISTRY_DENIED", "UNSUPPORTED"]);

/** Registries.open. */
export async function openRegistryImage(
  layout: StoreLayout,
  reference: ImageReference,
  { platform, history: wantsHistory, ...words }: OpenImageOptions & PullOptions,
): Promise<OpenedImages> {
  const client = clientOf(reference, words);
  const unfinished = new Set<string>();
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
      layers: layers.map((layer, index) => sourceLayer(client, layer, { index, unfinished })),
      stopTransfers: () => client.close(),
    };
    const history =
      wantsHistory === true ? await openReferringHistory(layout, client, reference, manifestRecord.digest) : undefined;
    return {
      images: [image],
      history,
      close: () => {
        client.close();
        if (unfinished.size > 0) return;
        const digests = image.layers.flatMap(({ record }) => (record === undefined ? [] : [record.digest]));
        new BlobPlaces(layout).remember(digests, reference.registry, reference.repository);
      },
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Registries.push. */
export async function pushImage(
  layout: PlacesLayout,
  image: OutgoingImage,
  reference: ImageReference,
  options: PushOptions,
): Promise<PushedImage> {
  const client = clientOf(reference, options);
  const places = new BlobPlaces(layout);
  try {
    const send = (blobs: readonly OutgoingBlob[]): Promise<number> => sendBlobs(client, blobs, { ...options, places, reference });
    const sentBytes = await send([...image.layers, image.config]);
    const sent = await pushHistory(client, image.manifest.record, options.history, send);
    const name = reference.tag ?? image.manifest.record.digest;
    const before = await digestBefore(client, name);
    const digest = await client.putManifest(name, await bytesOf(image.manifest), image.manifest.record.mediaType);
    const replaced = before === digest ? undefined : before;
    return { digest, replaced, sentBytes: sentBytes + sent.bytes, historyDigest: sent.digest, historyFault: sent.fault };
  } finally {
    client.close();
  }
}

/** Who may only write hears nothing of it. */
async function digestBefore(client: RegistryClient, name: string): Promise<string | undefined> {
  try {
    return (await client.headManifest(name))?.digest;
  } catch (error) {
    if (error instanceof VarveError && REFUSALS.has(error.code)) return undefined;
    throw error;
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
async function pushHistory(
  client: RegistryClient,
  subject: BlobRecord,
  history: OutgoingHistory | undefined,
  send: (blobs: readonly OutgoingBlob[]) => Promise<number>,
): Promise<SentHistory> {
  if (history === undefined) return { bytes: 0 };
  const bytes = await send([...history.blobs, history.config]);
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

interface SendOptions extends PushOptions {
  readonly places: BlobPlaces;
  readonly reference: ImageReference;
}

/** Each once, several at the same time; what was sent is remembered to be there. @returns Bytes that the registry did not have. */
async function sendBlobs(
  client: RegistryClient,
  all: readonly OutgoingBlob[],
  { places, reference: { registry, repository }, ...options }: SendOptions,
): Promise<number> {
  const blobs = [...new Map(all.map((blob) => [blob.record.digest, blob])).values()];
  let sentBytes = 0;
  const send = async (blob: OutgoingBlob): Promise<void> => {
    const elsewhere = places.repositoriesWith(blob.record.digest, registry, repository);
    const bytes = await sendBlob(client, blob, { ...options, elsewhere });
    sentBytes += bytes;
  };
  await atOnce(blobs, options.jobs ?? TRANSFERS_AT_ONCE, send, () => client.close());
  const digests = blobs.map(({ record }) => record.digest);
  places.remember(digests, registry, repository);
  return sentBytes;
}

/** @returns Bytes that the registry did not have. */
async function sendBlob(
  client: RegistryClient,
  { record, open }: OutgoingBlob,
  { onTransfer, elsewhere }: PushOptions & { readonly elsewhere: readonly string[] },
): Promise<number> {
  const { digest, size } = record;
  if ((await client.headBlob(digest)) !== undefined) {
    onTransfer?.({ digest, size, done: 0, state: "there" });
    return 0;
  }
  for (const from of elsewhere) {
    if (!(await client.mountBlob(digest, from))) continue;
    onTransfer?.({ digest, size, done: 0, state: "mounted", from });
    return 0;
  }
  await client.putBlob({ digest, size }, async function* () {
    let done = 0;
    for await (const piece of open()) {
      yield piece;
      done += piece.length;
      onTransfer?.({ digest, size, done, state: "moving" });
    }
  });
  onTransfer?.({ digest, size, done: size, state: "done" });
  return size;
}

function clientOf({ registry, repository }: ImageReference, { insecure, onSetback }: RegistryOptions): RegistryClient {
  return new RegistryClient(registry, repository, { insecure, onSetback, signal: interruptionSignal() });
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

function sourceLayer(
  client: RegistryClient,
  { mediaType, algorithm, hex, size }: Descriptor,
  { index, unfinished }: { readonly index: number; readonly unfinished: Set<string> },
): SourceLayer {
  const digest = `${algorithm}:${hex}`;
  return {
    record: algorithm === "sha256" ? { mediaType, digest: blobDigest(hex), size } : undefined,
    name: `layer ${index + 1} of the image`,
    async *open() {
      unfinished.add(digest);
      yield* client.blob({ digest, size });
      unfinished.delete(digest);
    },
  };
}

function documentOf(bytes: Buffer, record: BlobRecord, { registry }: ImageReference): ImageDocument {
  return { record, bytes, value: readJsonObject(bytes, registry, "the image's config") };
}

function sha256(bytes: Uint8Array): BlobRecord["digest"] {
  return blobDigest(createHash("sha256").update(bytes).digest("hex"));
}
