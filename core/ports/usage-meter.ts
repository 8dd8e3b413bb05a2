import type { LayerId } from "../model/ids.js";

/** Tells what layer images hold, in bytes of content. Keeps some bits for each block of what it has read; nothing is written. */
export interface UsageMeter {
  /** Reads a layer's directories and inodes, the first time. @throws VarveError LAYER_CORRUPT. */
  readLayer(id: LayerId): Promise<LayerContents>;

  /**
   * Reads what a chain of layers shows: for each layer that holds contents of it, the bytes of them. A content of 4096 bytes and more counts in
   * whole blocks. @param chain Newest first.
   */
  readTree(chain: readonly LayerId[]): Promise<ReadonlyMap<LayerId, number>>;

  /** The same for all trees read so far together: what several of them show counts once. */
  shownBytes(id: LayerId): number;

  /** Bytes of the layer that other layers, read so far, point at. */
  lentBytes(id: LayerId): number;

  /** What the store's layers take once more, as directories, for an ordinary user's containers. */
  unpacked(): UnpackedUsage;
}

export interface LayerContents {
  /** Contents that this image holds itself. */
  readonly ownBytes: number;
  /** Contents of other images that it points at. */
  readonly borrowedBytes: number;
  readonly lenders: readonly LayerId[];
}

export interface UnpackedUsage {
  readonly directories: number;
  readonly bytes: number;
}
