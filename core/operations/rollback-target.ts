import type { Change } from "../model/change.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { Effect, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { NO_TREES, performOperation, treeAct, treeTarget } from "./change-trees.js";
import { isUntouched, requireStopped } from "./container-state.js";
import { saveLive } from "./commit-target.js";
import { keepSaved } from "./record-operation.js";
import { headOf, openCommitTree, openLiveTreeBefore, slotOf, type LiveTree, type Target } from "./targets.js";

export interface RollbackResult {
  readonly branch: RefName;
  readonly before: CommitId | undefined;
  readonly after: CommitId;
  /** Holds what was not committed and is gone from the tree now; `undo` brings it back. */
  readonly saved: CommitId | undefined;
  /**
   * From the tree as it was to the tree as it is to be. After a rollback nodes are of what stood there before. Absent for a container without
   * anything uncommitted, which goes to another commit without a look at the two trees.
   */
  readonly changes: readonly Change[] | undefined;
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

export interface RollbackOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Only tells what would change. */
  readonly dryRun?: boolean;
}

/**
 * Makes a target's tree exactly a commit's and moves its branch there. What was not committed is saved first.
 *
 * The operation is logged before the tree changes: stopped half-way, the next command completes it and `undo` takes it back.
 * @throws VarveError CONTAINER_RUNNING.
 */
export async function rollbackTarget(
  repository: Repository,
  target: Target,
  commit: CommitId,
  options: RollbackOptions,
): Promise<RollbackResult> {
  if (target.kind === "container") requireStopped(target, "roll back", true);
  return repository.exclusively(async () => {
    if (target.kind === "container" && options.dryRun !== true && (await isUntouched(repository, target)))
      return rebase(repository, target, commit, options);
    const trees = await openLiveTreeBefore(repository, target, commit);
    let wanted: Tree | undefined;
    const close = (): void => [wanted, trees].forEach((each) => each?.close());
    try {
      wanted = await openCommitTree(repository, commit);
      return { ...(await rollBack(repository, target, { trees, wanted, commit }, options)), close };
    } catch (error) {
      close();
      throw error;
    }
  });
}

/** Takes as long as it takes, however large the tree is. */
async function rebase(
  repository: Repository,
  target: Extract<Target, { kind: "container" }>,
  commit: CommitId,
  { command }: RollbackOptions,
): Promise<RollbackResult> {
  const { branch, commit: before } = await headOf(repository, target);
  const ended = endedProgress(repository, target);
  const result = { branch, before, after: commit, saved: undefined, close: () => undefined };
  if (before === commit && ended.progress === undefined) return { ...result, changes: [] };
  const update: TreeUpdate = { target: treeTarget(target), before, after: commit };
  const draft = { command, refs: [{ name: branch, before, after: commit }], trees: [update], ...ended };
  await performOperation(repository, draft, [treeAct(repository, target, NO_TREES, update)]);
  return { ...result, changes: undefined };
}

interface Opened {
  readonly trees: LiveTree;
  readonly wanted: Tree;
  readonly commit: CommitId;
}

async function rollBack(
  repository: Repository,
  target: Target,
  { trees, wanted, commit }: Opened,
  { command, dryRun = false }: RollbackOptions,
): Promise<Omit<RollbackResult, "close">> {
  const { branch, commit: before } = trees.head;
  const changes = await changesTo(target, trees, wanted);
  const result = { branch, before, after: commit, changes };
  const isThere = changes.length === 0 && before === commit && endedProgress(repository, target).progress === undefined;
  if (dryRun || isThere) return { ...result, saved: undefined };
  const saved = (await saveLive(repository, trees, `before ${command}`))?.id;
  const refs = [{ name: branch, before, after: commit }, ...(await keepSaved(repository, saved))];
  const update: TreeUpdate = { target: treeTarget(target), before: saved ?? before, after: commit };
  const draft = { command, refs, trees: [update], ...endedProgress(repository, target) };
  await performOperation(repository, draft, [treeAct(repository, target, trees, update)]);
  return { ...result, saved };
}

/** A merge and its like end with the tree that they are about; a rebase goes on. */
function endedProgress({ inProgress }: Repository, target: Target): Pick<Effect, "progress"> {
  const slot = slotOf(target);
  const before = inProgress.read(slot);
  return before === undefined || before.kind === "rebase" ? {} : { progress: [{ slot, before, after: undefined }] };
}

/** What making a target that tree changes. @throws VarveError CONFLICT when it can't be made that tree. */
export async function changesTo(target: Target, { live }: LiveTree, wanted: Tree): Promise<readonly Change[]> {
  if (target.kind === "directory") target.worktree.requireApplicable(live, wanted);
  return compareTrees(live, wanted);
}
