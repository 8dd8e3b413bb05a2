import type { TreeId } from "../model/ids.js";
import type { BlobRecord, BlobDigest, SizedDigest } from "../model/image.js";
import type { Tree } from "../model/tree.js";
import type { OpenedHistory, OutgoingHistory } from "./histories.js";
import type { OutgoingBlob } from "./outgoing-blob.js";
import type { LayerWriter } from "./layer-store.js";

/** Where images come from: files of the world's own forms. */
export type ImageSource =
  /** An OCI layout. */
  | { readonly kind: "directory"; readonly path: string }
  /** A docker archive or an OCI layout as a tar. `path` for one that is plain and can be read at any place. */
  | {
      readonly kind: "archive";
      readonly name: string;
      readonly path: string | undefined;
      readonly stream: AsyncIterable<Uint8Array>;
    };

export interface OpenImageOptions {
  /** `os/architecture[/variant]`; by default this machine's. */
  readonly platform?: string | undefined;
  /** By its reference, or digest; by default all that the source holds. */
  readonly image?: string | undefined;
}

/** Images of one source. Documents are checked; contents are when they are read. */
export interface OpenedImages {
  readonly images: readonly OpenedImage[];
  /** What the source holds in place of images; of a registry, what belongs to its image. */
  readonly history?: OpenedHistory | undefined;
  close(): void;
}

export interface OpenedImage {
  /** Image references that the source gives it: `debian:12`. */
  readonly references: readonly string[];
  readonly config: ImageDocument;
  /** Absent where the source has none that counts: in docker's own archives. */
  readonly manifest: ImageDocument | undefined;
  /** The lowest first; as many as the config has DiffIDs. */
  readonly layers: readonly SourceLayer[];
  /**
   * Present where layers come through a network: several may be open at once, and this ends those that are, which then fail. Nothing can be opened after it.
   * Elsewhere they are opened one after the other.
   */
  readonly stopTransfers?: (() => void) | undefined;
}

export interface ImageDocument {
  readonly record: BlobRecord;
  readonly bytes: Uint8Array;
  /** An object. */
  readonly value: Readonly<Record<string, unknown>>;
}

export interface SourceLayer {
  /** Absent where nobody told its digest. */
  readonly record: BlobRecord | undefined;
  /** For messages. */
  readonly name: string;
  /** As transferred: plain or compressed. Size and digest are checked at its end. @throws VarveError SOURCE_INVALID. */
  open(): AsyncIterable<Uint8Array>;
}

/** A layer's tar, read on top of a tree. */
export interface ReadLayer {
  /** What the layer makes of the tree. Its new contents stand in the writer. */
  readonly tree: Tree;
  readonly diffId: BlobDigest;
  /** Whole sentences for people. */
  readonly warnings: readonly string[];
  /**
   * Keeps how the tar was put together, so that the layer goes out with the same DiffID. Durable when it returns.
   * @returns False when the layer does not hold all of the tar's contents, since a later entry replaced one: that is kept then.
   */
  keepTar(): boolean;
  /** May be repeated; does nothing after `keepTar`. */
  discard(): void;
}

/** What layers became when they went out before, so that nobody has to make them again to know it. Derived; may forget anything. */
export interface SentTars {
  /** The tar of what `after` changes on `before`; without a `before`, of the whole tree. */
  tar(before: TreeId | undefined, after: TreeId): SizedDigest | undefined;
  rememberTar(before: TreeId | undefined, after: TreeId, tar: SizedDigest): void;
  /** What a tar becomes when it is compressed. */
  compressed(diffId: BlobDigest): SizedDigest | undefined;
  rememberCompressed(diffId: BlobDigest, compressed: SizedDigest): void;
  /** All of it. */
  forget(): void;
}

export interface Images {
  /** Reads what is remembered. */
  sent(): Promise<SentTars>;

  /** @throws VarveError SOURCE_INVALID, SOURCE_MISSING, SOURCE_UNREADABLE, DISK_FULL, UNSUPPORTED for schema 1. */
  open(source: ImageSource, options: OpenImageOptions): Promise<OpenedImages>;

  /**
   * Reads one layer, plain or compressed, to its end: OCI's whiteouts take away what `base` has, all else is added to it.
   * @param name What messages call it.
   * @throws VarveError SOURCE_INVALID naming the layer and the entry. The writer is then to be aborted.
   */
  readLayer(stream: AsyncIterable<Uint8Array>, writer: LayerWriter, base: Tree, name: string): Promise<ReadLayer>;

  /**
   * The tar of a tree that holds a layer, as OCI has them: holes are zeros. The same bytes for the same tree. Chunks are the receiver's to keep.
   * @param onSkipped Hears of each path that a tar can't hold, for people.
   */
  layerTar(tree: Tree, onSkipped?: (path: string) => void): AsyncIterable<Uint8Array>;

  /** Compressed by gzip, the same bytes for the same ones. */
  compressed(stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;

  /**
   * Writes images as one archive, which docker and podman load and which is an OCI layout, too; the same bytes for the same images.
   * @param forDocker False: without docker's own `manifest.json`.
   */
  writeArchive(images: readonly OutgoingImage[], write: (chunk: Uint8Array) => Promise<void>, forDocker: boolean): Promise<void>;

  /** Writes a history as one archive, an OCI layout; the same bytes for the same history. */
  writeHistory(history: OutgoingHistory, write: (chunk: Uint8Array) => Promise<void>): Promise<void>;

  /** Writes images as an OCI layout into a directory that is absent or empty. @throws VarveError DESTINATION_NOT_EMPTY, DISK_FULL, PERMISSION. */
  writeLayout(images: readonly OutgoingImage[], directory: string): Promise<void>;
}

export interface OutgoingImage {
  /** `debian:12`; none for an image that is only told by its id. */
  readonly references: readonly string[];
  readonly config: OutgoingBlob;
  readonly manifest: OutgoingBlob;
  /** The lowest first. One may stand there twice. */
  readonly layers: readonly OutgoingBlob[];
  /** For an index. */
  readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string | undefined };
}
