import type { ExportedTar } from "../ports/archives.js";
import type { Repository } from "../ports/repository.js";
import { openSide, type Side } from "./sides.js";

/** A side's whole tree as a PAX tar. */
export async function exportTree(
  repository: Repository,
  side: Side,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<ExportedTar> {
  const tree = await openSide(repository, side);
  try {
    return await repository.archives.exportTar(tree, write);
  } finally {
    tree.close();
  }
}
