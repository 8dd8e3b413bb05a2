import { VarveError } from "../errors.js";
import type { Change } from "../model/change.js";
import type { CommitId, RefName } from "../model/ids.js";
import { nodeAt, treePathText } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { replaceSelected } from "../trees/replace-selected.js";
import { requireStopped } from "./container-state.js";
import { replaceTree } from "./replace-tree.js";
import { openCommitTree, openLiveTreeBefore, type LiveTree, type Target } from "./targets.js";

export interface RestoreOptions {
  /** Whose paths they are to be. */
  readonly source: CommitId;
  readonly paths: PathSelection;
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Only tells what would change. */
  readonly dryRun?: boolean;
}

export interface RestoreResult {
  readonly branch: RefName;
  /** Holds what was not committed when something of it is gone from the tree now; `undo` brings it back. */
  readonly saved: CommitId | undefined;
  /** From the tree as it was to the tree as it is to be. After a restore nodes are of what stood there before. */
  readonly changes: readonly Change[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

/**
 * Makes selected paths of a target what they are in a commit; what that commit lacks goes. No branch moves. What was not committed is saved
 * first, and the tree as it is to be becomes a commit that no branch names: so `undo`, and a repeated call after a crash, work as for a rollback.
 *
 * @throws VarveError CONTAINER_RUNNING; PATH_MISSING for a place that neither tree has; CONFLICT.
 */
export async function restorePaths(repository: Repository, target: Target, options: RestoreOptions): Promise<RestoreResult> {
  if (target.kind === "container") requireStopped(target, "restore paths of", true);
  return repository.exclusively(async () => {
    const trees = await openLiveTreeBefore(repository, target, options.source);
    let source: Tree | undefined;
    const close = (): void => [source, trees].forEach((each) => each?.close());
    try {
      source = await openCommitTree(repository, options.source);
      requirePlaces(options.paths, trees.live, source);
      return { ...(await restoreFrom(repository, target, trees, source, options)), close };
    } catch (error) {
      close();
      throw error;
    }
  });
}

async function restoreFrom(
  repository: Repository,
  target: Target,
  trees: LiveTree,
  source: Tree,
  { paths, command, dryRun = false }: RestoreOptions,
): Promise<Omit<RestoreResult, "close">> {
  const { branch } = trees.head;
  const wanted = replaceSelected(trees.live, source, paths);
  const changes = await compareTrees(trees.live, wanted);
  if (changes.length === 0 || dryRun) return { branch, saved: undefined, changes };
  return { branch, saved: await replaceTree(repository, target, trees, wanted, { command }), changes };
}

/** @throws VarveError PATH_MISSING. */
export function requirePlaces({ places }: PathSelection, live: Tree, source: Tree): void {
  const missing = places?.find((place) => nodeAt(live, place) === undefined && nodeAt(source, place) === undefined);
  if (missing === undefined) return;
  throw new VarveError("PATH_MISSING", `Cannot restore "${treePathText(missing)}": neither the tree nor the commit has it`, {
    path: treePathText(missing),
    hint: "`varve ls REV` lists what a commit holds.",
  });
}
