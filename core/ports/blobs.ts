import type { ContentDigest } from "../model/ids.js";
import type { BlobDigest } from "../model/image.js";
import type { FileContent } from "../model/tree.js";

/** What images need to go out with the ids that they came in with, and layers do not hold: configs, manifests, compressed layers, records of tars. */
export interface Blobs {
  has(digest: BlobDigest): boolean;

  /** Of a blob that is there. @throws VarveError STORE_DAMAGED. */
  size(digest: BlobDigest): number;

  /** A small one: a config, a manifest. Durable when it returns; may be repeated. @throws VarveError DISK_FULL, PERMISSION. */
  put(bytes: Uint8Array): BlobDigest;

  /** A small one, checked. @throws VarveError STORE_DAMAGED when it is missing, damaged, or larger than 8 MiB. */
  read(digest: BlobDigest): Uint8Array;

  /** Checked at its end. @throws VarveError STORE_DAMAGED. */
  open(digest: BlobDigest): AsyncIterable<Uint8Array>;

  /** Keeps a copy of what somebody else reads. Nothing is kept before `keep`. @throws VarveError DISK_FULL, PERMISSION. */
  copy(stream: AsyncIterable<Uint8Array>): BlobCopy;

  /** A place for what somebody sends while somebody else reads it. */
  receive(): BlobReception;

  /** Whether the store knows how the tar of that DiffID was put together. */
  hasTar(diffId: BlobDigest): boolean;

  /** Whether the store knows that it can't be put together again: the layer does not hold all of its contents. */
  lacksTar(diffId: BlobDigest): boolean;

  /** Bytes of that tar. @throws VarveError STORE_DAMAGED. */
  tarSize(diffId: BlobDigest): number;

  /**
   * The tar that a layer was read from, byte for byte.
   * @param contentOf The contents of the layer's files.
   * @throws VarveError STORE_DAMAGED at its end when it has not that digest; where a content is missing.
   */
  tar(diffId: BlobDigest, contentOf: (digest: ContentDigest, size: number) => FileContent | undefined): AsyncIterable<Uint8Array>;

  /** All that are there. */
  list(): readonly KeptBlob[];
}

export interface BlobCopy {
  /** To be read in place of the one that was given. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** When all was read. Durable when it returns. */
  keep(): BlobDigest;
  /** Does nothing after `keep`. */
  discard(): void;
}

/** Bytes that arrive in a scratch file, and are read from it as far as they are there. */
export interface BlobReception {
  /** Whether all of it has come. */
  readonly isWhole: boolean;
  /** To be called once. @throws What the stream throws, and then each reader does; DISK_FULL, PERMISSION. */
  fill(stream: AsyncIterable<Uint8Array>): Promise<void>;
  /** Has each reader throw that. */
  fail(cause: unknown): void;
  /** From the first byte on; waits for what has not come yet. May be called again. */
  open(): AsyncIterable<Uint8Array>;
  /** Keeps a whole one, whose digest was checked by whoever sent it. Durable when it returns; may be repeated. */
  keep(digest: BlobDigest): void;
  /** When nobody sends any more. What was kept stays. */
  discard(): void;
}

export interface KeptBlob {
  /** `no-tar`: a mark that there can be no record of a tar. */
  readonly kind: "blob" | "tar" | "no-tar";
  /** Of a tar its DiffID. */
  readonly digest: BlobDigest;
  /** Below the store's directory. */
  readonly path: string;
  /** Bytes of disk. */
  readonly bytes: number;
}
