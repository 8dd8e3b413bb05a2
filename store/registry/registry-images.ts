import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import { atOnce } from "../../core/exchange/at-once.js";
import { TRANSFERS_AT_ONCE } from "../../core/exchange/incoming-layers.js";
import type { ImageReference } from "../../core/model/image.js";
import { shortImageName } from "../../core/image/image-reference.js";
import { blobDigest, type BlobRecord } from "../../core/model/image.js";
import type {
  ImageDocument,
  OpenedImages,
  OpenImageOptions,
  OutgoingBlob,
  OutgoingImage,
  SourceLayer,
} from "../../core/ports/images.js";
import type { PushedImage, PushOptions, RegistryOptions } from "../../core/ports/registries.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { readDescriptor, type Descriptor } from "../oci/descriptor.js";
import { chooseManifest, layersOf } from "../oci/find-manifest.js";
import { BlobPlaces, type PlacesLayout } from "./blob-places.js";
import { invalidAnswer } from "./registry-fault.js";
import { objectOf } from "./read-json.js";
import { RegistryClient } from "./registry-client.js";
import type { RegistryManifest } from "./manifest.js";

/** Indexes within indexes: tools make one level. */
const DEEPEST_INDEX = 4;
const LARGEST_CONFIG_BYTES = 8 * 1024 * 1024;

/** Registries.open. */
export async function openRegistryImage(
  layout: PlacesLayout,
  reference: ImageReference,
  { platform, insecure }: OpenImageOptions & RegistryOptions,
): Promise<OpenedImages> {
  const client = clientOf(reference, insecure);
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
    return {
      images: [image],
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
  const client = clientOf(reference, options.insecure);
  const places = new BlobPlaces(layout);
  try {
    const blobs = [...new Map([...image.layers, image.config].map((blob) => [blob.record.digest, blob])).values()];
    let sentBytes = 0;
    const send = async (blob: OutgoingBlob): Promise<void> => {
      const bytes = await sendBlob(client, blob, {
        ...options,
        elsewhere: places.repositoriesWith(blob.record.digest, reference.registry, reference.repository),
      });
      sentBytes += bytes;
    };
    await atOnce(blobs, options.jobs ?? TRANSFERS_AT_ONCE, send, () => client.close());
    const bytes: Uint8Array[] = [];
    for await (const piece of image.manifest.open()) bytes.push(piece);
    const name = reference.tag ?? image.manifest.record.digest;
    const digest = await client.putManifest(name, Buffer.concat(bytes), image.manifest.record.mediaType);
    const sent = blobs.map(({ record }) => record.digest);
    places.remember(sent, reference.registry, reference.repository);
    return { digest, sentBytes };
  } finally {
    client.close();
  }
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
