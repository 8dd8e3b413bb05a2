/** `sha256:` and 64 lower-case hex digits: of a blob as it was transferred, or of a layer's uncompressed tar (its DiffID). */
export type BlobDigest = string & { readonly blobDigest: unique symbol };

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isBlobDigest(value: unknown): value is BlobDigest {
  return typeof value === "string" && DIGEST.test(value);
}

export function blobDigest(hex: string): BlobDigest {
  return `sha256:${hex}` as BlobDigest;
}

export function hexOf(digest: BlobDigest): string {
  return digest.slice("sha256:".length);
}

/** What bytes are told by. */
export interface SizedDigest {
  readonly digest: BlobDigest;
  /** Bytes. */
  readonly size: number;
}

/** A blob of an image, as OCI's descriptors name it. */
export interface BlobRecord extends SizedDigest {
  readonly mediaType: string;
}

/** What a commit was in the image that it came from, so that the image goes out again with the same ids: a commit's `image.json`. */
export interface ImageRecord {
  /** Of the commit's layer. Absent for an entry of the image's history that changed no file. */
  readonly diffId?: BlobDigest | undefined;
  /** The layer as it was transferred. The store may have it. */
  readonly blob?: BlobRecord | undefined;
  /** The entry of the image's history, as it stood there. */
  readonly history?: Readonly<Record<string, unknown>> | undefined;
  /** Of the image's last commit: its config and its manifest, which the store has. */
  readonly config?: BlobRecord | undefined;
  readonly manifest?: BlobRecord | undefined;
}

/** Digests of all that a store may keep for a commit. */
export function namedBlobs({ diffId, blob, config, manifest }: ImageRecord = {}): readonly BlobDigest[] {
  return [diffId, blob?.digest, config?.digest, manifest?.digest].filter((digest) => digest !== undefined);
}

/** What `registry.example:5000/team/app:v1@sha256:…` names. */
export interface ImageReference {
  /** As it was written: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  readonly repository: string;
  /** `latest` when neither a tag nor a digest was written. */
  readonly tag: string | undefined;
  /** What counts when there is a tag as well. */
  readonly digest: string | undefined;
}
