import type { Commit } from "../model/commit.js";
import type { CommitId, ContentDigest, LayerId, RefName, TagId } from "../model/ids.js";
import type { BlobDigest, BlobRecord } from "../model/image.js";
import type { FileContent } from "../model/tree.js";
import type { OutgoingBlob } from "./outgoing-blob.js";
import type { ChainTrees } from "./store-checks.js";

/** A ref that travels. */
export interface HistoryRef {
  /** `HEAD` tells which branch is the first one to look at. */
  readonly name: RefName | "HEAD";
  readonly commit: CommitId;
  /** The annotated tag that leads to the commit. */
  readonly tag?: TagId | undefined;
}

/** A commit that the receiver must have. */
export interface Prerequisite {
  readonly commit: CommitId;
  /** First line of its message. */
  readonly subject: string;
}

/** What of a store travels. */
export interface HistorySelection {
  readonly refs: readonly HistoryRef[];
  readonly prerequisites: readonly Prerequisite[];
  /** Parents before children. */
  readonly commits: readonly CommitId[];
  /** Each after those that it stands on and borrows from. */
  readonly layers: readonly LayerId[];
  /** Those of the layers that no commit of the selection has, nor its prerequisites: others borrow from them. */
  readonly lenders: ReadonlySet<LayerId>;
  /** Configs and manifests of images. */
  readonly documents: readonly BlobRecord[];
  /** DiffIDs of layers whose tars the store can put together. */
  readonly tars: readonly BlobDigest[];
}

/** A history as an OCI artifact: a manifest, and blobs. */
export interface OutgoingHistory {
  readonly config: OutgoingBlob;
  readonly blobs: readonly OutgoingBlob[];
  /** @param subject The image's manifest that it belongs to. */
  manifest(subject: BlobRecord | undefined): OutgoingBlob;
  /** When nothing of it is read any more. */
  close(): void;
}

/** Where a blob of a history comes from. */
export interface HistoryBlob {
  readonly record: BlobRecord;
  /** For messages: "its layer 3f…". */
  readonly name: string;
  /** As it was transferred. Size and digest are checked at its end. */
  open(): AsyncIterable<Uint8Array>;
}

/** A layer's image, compressed. */
export interface HistoryLayer extends HistoryBlob {
  readonly id: LayerId;
  /** Bytes of the image. */
  readonly imageBytes: number;
}

/**
 * A history that came from elsewhere. Its commits, trees and refs are of our form, and each parent is there or a prerequisite; what the layers are is found
 * out when they are received.
 */
export interface OpenedHistory {
  /** Of the manifest. */
  readonly digest: BlobDigest;
  readonly refs: readonly HistoryRef[];
  readonly prerequisites: readonly Prerequisite[];
  /** Parents before children. */
  readonly commits: readonly Commit[];
  /** In the order in which they can be received. */
  readonly layers: ReadonlyMap<LayerId, HistoryLayer>;
  readonly documents: ReadonlyMap<BlobDigest, HistoryBlob>;
  /** By DiffID: how the tar of a layer was put together. */
  readonly tars: ReadonlyMap<BlobDigest, HistoryBlob>;
  /** Every blob. */
  readonly blobs: readonly HistoryBlob[];
  /** As `OpenedImage.stopTransfers`. */
  readonly stopTransfers?: (() => void) | undefined;
  /**
   * Puts commits, trees and tags in place: durable when it resolves, and nobody sees them before a ref leads there. The next time goes on from there.
   * @param before A commit: it stays out, and so does what comes after it.
   */
  writeObjects(before?: CommitId): Promise<void>;
}

/** Histories that travel from store to store. */
export interface Histories {
  /**
   * Each layer has been compressed once when this resolves, unless it was before; what came of it is kept until the history is closed.
   *
   * @param onLayer Told of each before that: which one of how many. @throws VarveError UNSUPPORTED for commits that varve did not make.
   */
  outgoing(selection: HistorySelection, onLayer?: (layer: number, layers: number) => void): Promise<OutgoingHistory>;

  /**
   * Takes a layer in: it is read by our reader and written anew by our writer, and must come out with the same id. So nothing of a stranger's image
   * reaches the kernel. What a layer of that id holds already stays.
   *
   * @param mayLend Whether the layer may point at blocks of that one.
   * @returns Bytes of the image.
   * @throws VarveError SOURCE_INVALID, DISK_FULL, INTERRUPTED.
   */
  receiveLayer(layer: HistoryLayer, mayLend: (id: LayerId) => boolean): Promise<number>;

  /**
   * Takes in how a layer's tar was put together; what it gives must have the DiffID.
   * @throws VarveError SOURCE_INVALID, DISK_FULL.
   */
  receiveTar(
    diffId: BlobDigest,
    blob: HistoryBlob,
    contentOf: (digest: ContentDigest, size: number) => FileContent | undefined,
  ): Promise<void>;

  /** Trees of chains, to be compared with what commits say. */
  openTrees(): Promise<ChainTrees>;
}
