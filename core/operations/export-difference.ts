import type { ExportedTar } from "../ports/archives.js";
import type { Repository } from "../ports/repository.js";
import { differenceTree } from "../trees/difference-tree.js";
import { openSide, type Side } from "./sides.js";

/**
 * What a side changes on another, as the tar that an OCI layer of it is: whole files, and an empty `.wh.NAME` for what is gone. The bytes that `varve
 * save` writes for a commit and its parent.
 *
 * @throws VarveError UNSUPPORTED for a changed path whose own name begins with `.wh.`.
 */
export async function exportDifference(
  repository: Repository,
  [before, after]: readonly [Side, Side],
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<ExportedTar> {
  const from = await openSide(repository, before);
  try {
    const to = await openSide(repository, after);
    try {
      const skipped: string[] = [];
      const layer = await differenceTree(from, to);
      for await (const chunk of repository.images.layerTar(layer, (path) => skipped.push(path))) await write(chunk);
      return { skipped };
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
}
