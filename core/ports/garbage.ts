import type { VarveError } from "../errors.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import type { KeptBlob } from "./blobs.js";

/** What stands in a store beyond what its other ports show, and how it goes. The store's lock is held by the caller. */
export interface Garbage {
  /** The store's clock, which operations are dated by. */
  now(): Date;

  /** Every name below refs/, in byte order, those that can't be read too. */
  refs(): Promise<readonly RefReading[]>;

  /** The images whose blocks a layer points at. @throws VarveError LAYER_CORRUPT. */
  lenders(id: LayerId): readonly LayerId[];

  views(): readonly KeptView[];

  /** Damaged images that fsck took out of the store. Paths are below the store's directory. */
  quarantined(): readonly { readonly path: string; readonly bytes: number }[];

  /** Commits of ours that stand in git as loose objects and are none of `kept`, with what nothing else uses of them. */
  looseCommits(kept: ReadonlySet<CommitId>): Promise<LooseCommits>;

  /**
   * Operations up to this time may name commits that garbage collection removed; later ones may not. `undefined`: nothing was
   * ever removed.
   */
  horizon(): Date | undefined;

  /** Durable when it returns. An earlier time than the one that stands changes nothing. */
  moveHorizon(time: Date): void;

  /**
   * Removes git objects, with the lines of reflogs and of the commit cache that name them, then layers, views and blobs. Each is there or
   * gone, whenever it is stopped; what is left over is found by the next collection.
   * @throws VarveError PERMISSION, IO, STORE_LOCKED when a git command holds a ref.
   */
  remove(waste: Waste): Promise<void>;
}

export interface RefReading {
  readonly name: RefName;
  /** Absent when it can't be read, or leads to nothing yet. */
  readonly commit: CommitId | undefined;
  readonly failure: VarveError | undefined;
}

/** An image that was made of several layers, to read and mount long chains by. */
export interface KeptView {
  /** Below the store's directory. */
  readonly path: string;
  /** Layers without which nobody asks for it. */
  readonly layers: readonly LayerId[];
  readonly bytes: number;
}

export interface LooseCommits {
  readonly commits: readonly CommitId[];
  /** Git ids in the order in which they may go: an object before those that it names. The commits are among them. */
  readonly objects: readonly string[];
  /** Bytes of disk that the objects take. */
  readonly bytes: number;
}

export interface Waste {
  readonly layers: readonly LayerId[];
  readonly views: readonly KeptView[];
  readonly loose: LooseCommits;
  /** What is kept of images, and no commit names. */
  readonly blobs?: readonly KeptBlob[];
  /** Images in quarantine, as paths below the store's directory. */
  readonly quarantined?: readonly string[];
  /** Also the index of contents, which would tell the digests of what is gone; it is made again when it is needed. */
  readonly contentIndex?: boolean;
}
