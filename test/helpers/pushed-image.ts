import { createHash, randomBytes } from "node:crypto";
import type { BlobDescriptor } from "../../store/registry/blob-download.js";
import type { RegistryClient } from "../../store/registry/registry-client.js";

export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

export function sha256Of(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function descriptorOf(bytes: Uint8Array): BlobDescriptor {
  return { digest: sha256Of(bytes), size: bytes.length };
}

/** In pieces, as a file is read. */
export function openBytes(bytes: Uint8Array, pieceBytes: number = 1 << 16): () => AsyncIterable<Uint8Array> {
  return async function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };
}

export async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

export function manifestOf(config: Uint8Array, layers: readonly Uint8Array[], more: object = {}): Buffer {
  const type = "application/vnd.oci.image";
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: `${type}.config.v1+json`, ...descriptorOf(config) },
      layers: layers.map((layer) => ({ mediaType: `${type}.layer.v1.tar`, ...descriptorOf(layer) })),
      ...more,
    }),
  );
}

/** A config, one layer and their manifest, in a registry. */
export async function pushImage(
  client: RegistryClient,
  tag: string,
  layerBytes = 100_000,
): Promise<{ layer: Buffer; manifest: Buffer; digest: string }> {
  const config = Buffer.from("{}");
  const layer = randomBytes(layerBytes);
  for (const blob of [config, layer]) await client.putBlob(descriptorOf(blob), openBytes(blob));
  const manifest = manifestOf(config, [layer]);
  return { layer, manifest, digest: await client.putManifest(tag, manifest, OCI_MANIFEST) };
}
