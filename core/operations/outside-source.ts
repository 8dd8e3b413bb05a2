import type { Tree } from "../model/tree.js";
import type { Repository } from "../ports/repository.js";
import type { ImportSource } from "./import-source.js";

/** A tree that no store holds. */
export type OutsideSource =
  | ImportSource
  /** An image in an OCI layout. `image`: its name or digest, when there are several. */
  | { readonly kind: "layout"; readonly path: string; readonly image: string | undefined };

/** What reads them. There may be no store. */
export type OutsideReaders = Pick<Repository, "archives" | "directories">;

export interface OutsideTree extends Tree {
  /** Whole sentences for people: what the tree has not as its source has it. */
  readonly warnings: readonly string[];
}

/** Nothing is kept of it. Closed by the caller. @throws VarveError SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_INVALID, DISK_FULL, INTERRUPTED. */
export async function openOutside({ archives, directories }: OutsideReaders, source: OutsideSource): Promise<OutsideTree> {
  if (source.kind === "directory") {
    const tree = await directories.openTree(source.path, [], false);
    return { root: tree.root, warnings: [], close: () => tree.close() };
  }
  const { tree, warnings } =
    source.kind === "tar"
      ? await archives.openTar(source.stream, source.name)
      : await archives.openLayout(source.path, source.image);
  return { root: tree.root, warnings, close: () => tree.close() };
}
