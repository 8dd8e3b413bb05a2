import type { Tree } from "../model/tree.js";
import type { LayerWriter } from "./layer-store.js";

/** Tar streams, the form in which root filesystems travel. */
export interface Archives {
  /**
   * Reads a tar (plain, gzip, zstd or xz: found out from its first bytes). Contents go into `writer` as they come; the tree
   * tells where they are, and holds them for that writer alone.
   * @param name What messages call the archive, such as `"root.tar"`, quotes included.
   * @param base What the layers below add up to: of a large file that changed there in place, the changed parts alone are kept.
   * @throws VarveError SOURCE_INVALID naming the archive, and the entry where one had begun.
   */
  importTar(stream: AsyncIterable<Uint8Array>, writer: LayerWriter, name: string, base?: Tree): Promise<ImportedTar>;

  /** Writes a PAX tar, the same bytes for the same tree. */
  exportTar(tree: Tree, write: (chunk: Uint8Array) => Promise<void>): Promise<ExportedTar>;
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
