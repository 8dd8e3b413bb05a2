import type { ByteString } from "../model/byte-string.js";
import type { Commit } from "../model/commit.js";
import type { CommitId, LayerId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { RefReading } from "./garbage.js";
import type { KeptBlob } from "./blobs.js";
import type { LayerImageFile } from "./layer-store.js";

/** What can be told of a store's parts, whatever their state, and how some of them are mended. */
export interface StoreChecks {
  /**
   * Reads layer images and compares them with their ids, their lenders and their contents' digests, on all processors.
   *
   * @param content Whether contents are read too; else metadata alone.
   * @param observe Called now and then with the bytes read so far and in all.
   * @returns For each layer that is damaged what is wrong with it; at most 1,000 paths each.
   */
  verifyLayers(
    ids: readonly LayerId[],
    content: boolean,
    observe: (progress: VerifyProgress) => void,
  ): Promise<ReadonlyMap<LayerId, readonly LayerFault[]>>;

  /**
   * The same, contents included, of what a chain is mounted by: images that show several layers, too.
   * @param images Of `LayerStore.images`.
   */
  verifyImages(
    images: readonly LayerImageFile[],
    observe: (progress: VerifyProgress) => void,
  ): Promise<ReadonlyMap<LayerId, readonly LayerFault[]>>;

  /** The images whose blocks a layer points at; none of one that can't be read. */
  lenders(id: LayerId): readonly LayerId[];

  /** Every name below refs/ and `HEAD`, those that can't be read too. */
  refs(): Promise<readonly RefReading[]>;
  /** What is wrong with HEAD, as text that follows its name. */
  headFault(): Promise<string | undefined>;

  /** From git, past every cache. @throws VarveError STORE_DAMAGED. */
  readCommit(id: CommitId): Promise<Commit>;
  /** Whether the commit cache has the commit otherwise than git. */
  isCachedWrong(commit: Commit): Promise<boolean>;

  /** Containers' records, also when one of them can't be read. */
  containers(): readonly ContainerReading[];

  /** Trees of chains, which share opened images. */
  openTrees(): ChainTrees;

  /** Views that are damaged or stand on a layer that is none, by their folders' names; a stat index that is damaged. */
  cacheFaults(): Promise<readonly CacheFault[]>;

  /** Names in the store that are nobody's: paths below the store's directory. */
  leftovers(): readonly string[];

  /** See Garbage.horizon. */
  horizon(): Date | undefined;

  /** Removes cached commits, so that they are read from git again. */
  forgetCommits(ids: readonly CommitId[]): void;
  /** Removes a cache, which is made again when it is needed. */
  removeCache(fault: CacheFault): void;

  /** Removes what is kept of an image. */
  removeBlob(blob: KeptBlob): void;

  /**
   * Writes contents that are damaged anew, from where another layer or the tracked directory holds the same, and puts the image in place when all of it then is
   * what its id says. The damaged image goes to quarantine.
   * @returns Whether the layer is whole now.
   */
  restoreContents(id: LayerId, faults: readonly LayerFault[]): Promise<boolean>;

  /**
   * Keeps the records of the operation log that are sound and moves the log as it was to quarantine/. The store's lock is held.
   * @returns Where it stands now, and how many records were kept and lost; `undefined` when the log is no file that can be read.
   */
  mendOperationLog(): MendedLog | undefined;

  /** Moves a layer's image to quarantine/. @returns Where it stands now. */
  quarantine(id: LayerId): string;
}

export interface MendedLog {
  readonly quarantined: string;
  readonly kept: number;
  readonly lost: number;
}

export interface VerifyProgress {
  readonly bytes: number;
  readonly ofBytes: number;
}

export interface LayerFault {
  /**
   * `image`: its own metadata, or what it is as a file. `content`: bytes of a file that it holds. `lender`: the blocks of a file stand in another
   * image, which is missing or altered.
   */
  readonly kind: "image" | "content" | "lender";
  /** Within the layer; absent when it concerns the image as a whole. */
  readonly path?: ByteString;
  /** Text that follows the layer or path: `is missing`. */
  readonly state: string;
}

export interface ContainerReading {
  readonly id: string;
  readonly path: string;
  /** Absent when the record can't be read. */
  readonly record: { readonly name: string; readonly base: CommitId; readonly layers: readonly LayerId[] } | undefined;
  readonly fault: string | undefined;
}

export interface CacheFault {
  /** Below the store's directory. */
  readonly path: string;
  readonly state: string;
  /** Containers that run may have it mounted: it is removed while none does. */
  readonly mounted?: boolean;
}

/** Quick for deep chains, when older commits come before those that stand on them. */
export interface ChainTrees {
  /** Not to be closed; to be used until the next one is opened. @param chain Newest first. @throws VarveError LAYER_CORRUPT. */
  open(chain: readonly LayerId[]): Promise<Tree>;
  close(): void;
}
