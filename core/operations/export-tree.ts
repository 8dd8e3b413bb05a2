import type { ExportedTar } from "../ports/archives.js";
import { ALL_PATHS, type PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import { selectTree } from "../trees/select-tree.js";
import { openSide, type Side } from "./sides.js";

/** A side's tree as a PAX tar: all of it, or what is selected and the directories that lead there. */
export async function exportTree(
  repository: Repository,
  side: Side,
  write: (chunk: Uint8Array) => Promise<void>,
  paths: PathSelection = ALL_PATHS,
): Promise<ExportedTar> {
  const tree = await openSide(repository, side);
  try {
    return await repository.archives.exportTar(selectTree(tree, paths), write);
  } finally {
    tree.close();
  }
}
