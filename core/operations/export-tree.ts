import { VarveError } from "../errors.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import type { ExportedTar } from "../ports/archives.js";
import { ALL_PATHS, type PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import { selectTree } from "../trees/select-tree.js";
import { openSide, type Side } from "./sides.js";

/**
 * A side's tree as a PAX tar: all of it, or what is selected and the directories that lead there.
 * @throws VarveError PATH_MISSING, before anything is written, for a named path that the tree has not.
 */
export async function exportTree(
  repository: Repository,
  side: Side,
  write: (chunk: Uint8Array) => Promise<void>,
  paths: PathSelection = ALL_PATHS,
): Promise<ExportedTar> {
  return withSelected(repository, side, paths, (tree) => repository.archives.exportTar(tree, write));
}

/** What is selected of a side's tree, for as long as it is used. @throws VarveError PATH_MISSING for a named path that the tree has not. */
export async function withSelected<T>(
  repository: Repository,
  side: Side,
  paths: PathSelection,
  use: (tree: Tree) => Promise<T>,
): Promise<T> {
  const tree = await openSide(repository, side);
  try {
    requireNamed(tree, paths);
    return await use(selectTree(tree, paths));
  } finally {
    tree.close();
  }
}

function requireNamed(tree: Tree, { places, named = places ?? [] }: PathSelection): void {
  const missing = named.find((path) => nodeAt(tree, path) === undefined);
  if (missing === undefined) return;
  const text = treePathText(missing);
  throw new VarveError("PATH_MISSING", `Cannot export "${text}": no such path in that tree`, {
    path: text,
    hint: "`varve ls REV` lists what a tree holds. In a tracked directory paths count from where you stand, unless they begin with a slash.",
  });
}
