import type { Tree } from "../model/tree.js";
import type { LayerWriter } from "./layer-store.js";

/** Tar streams, the form in which root filesystems travel. */
export interface Archives {
  /**
   * Reads a tar (plain, gzip, zstd, xz or bzip2: found out from its first bytes). Contents go into `writer` as they come; the tree
   * tells where they are, and holds them for that writer alone.
   * @param name What messages call the archive, such as `"root.tar"`, quotes included.
   * @param base What the layers below add up to: of a large file that changed there in place, the changed parts alone are kept.
   * @throws VarveError SOURCE_INVALID naming the archive, and the entry where one had begun.
   */
  importTar(stream: AsyncIterable<Uint8Array>, writer: LayerWriter, name: string, base?: Tree): Promise<ImportedTar>;

  /**
   * Reads a tar as a tree that can be read whole, its contents too, though no store keeps it. What it takes of the disk is gone when the tree is
   * closed, or the process ends.
   * @throws VarveError SOURCE_INVALID, DISK_FULL, PERMISSION, INTERRUPTED.
   */
  openTar(stream: AsyncIterable<Uint8Array>, name: string): Promise<ImportedTar>;

  /**
   * The same for an image in an OCI layout, a directory with `oci-layout`, `index.json` and `blobs/`: its layers on top of each other. Digests and sizes are
   * checked.
   * @param image Which one, by its `org.opencontainers.image.ref.name` or its digest; absent when there is one alone.
   * @throws VarveError SOURCE_INVALID, SOURCE_MISSING, SOURCE_UNREADABLE, DISK_FULL, PERMISSION, INTERRUPTED.
   */
  openLayout(directory: string, image: string | undefined): Promise<ImportedTar>;

  /**
   * Writes a PAX tar, the same bytes for the same tree.
   * @param options `withoutRoot`: the root itself does not stand in it, only what is below.
   */
  exportTar(
    tree: Tree,
    write: (chunk: Uint8Array) => Promise<void>,
    options?: { readonly withoutRoot?: boolean },
  ): Promise<ExportedTar>;
}

export interface ImportedTar {
  readonly tree: Tree;
  /** Whole sentences for people: what was dropped or changed, and why. */
  readonly warnings: readonly string[];
}

export interface ExportedTar {
  /** Paths that a tar cannot hold (sockets), for people: absolute. */
  readonly skipped: readonly string[];
}
