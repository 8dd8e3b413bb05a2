import type { CommitId } from "../model/ids.js";
import type { Change } from "../model/change.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { openCommitTree } from "./targets.js";

/**
 * Writes a commit's tree into an empty directory, made when absent.
 * @throws VarveError DESTINATION_NOT_EMPTY, PERMISSION, DISK_FULL, INTERRUPTED.
 */
export async function checkoutCommit(repository: Repository, commit: CommitId, directory: string): Promise<void> {
  const tree = await openCommitTree(repository, commit);
  try {
    await repository.directories.writeTree(tree, directory);
  } finally {
    tree.close();
  }
}

/**
 * What a checkout would write: every path, as one that is added.
 * @throws VarveError as `checkoutCommit`, as far as that can be known without writing anything.
 */
export async function planCheckout(repository: Repository, commit: CommitId, directory: string): Promise<readonly Change[]> {
  const [nothing, tree] = [await openCommitTree(repository, undefined), await openCommitTree(repository, commit)];
  try {
    await repository.directories.requireWritable(tree, directory);
    return await compareTrees(nothing, tree);
  } finally {
    for (const each of [tree, nothing]) each.close();
  }
}
