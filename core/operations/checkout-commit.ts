import type { CommitId } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
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
