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

/** A blob of an image, as OCI's descriptors name it. */
export interface BlobRecord {
  readonly mediaType: string;
  readonly digest: BlobDigest;
  /** Bytes. */
  readonly size: number;
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
