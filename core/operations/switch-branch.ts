import { VarveError } from "../errors.js";
import type { Change } from "../model/change.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { OperationDraft, Standing, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { closestNames } from "../revision/closest-names.js";
import { BRANCHES, shortName, TAGS } from "../revision/ref-names.js";
import { requireFree } from "./branches.js";
import { performOperation, treeAct, treeTarget } from "./change-trees.js";
import { saveLive } from "./commit-target.js";
import { requireStopped } from "./container-state.js";
import { requireNothingInProgress } from "./in-progress.js";
import { keepSaved, recordOperation } from "./record-operation.js";
import { changesTo } from "./rollback-target.js";
import { headOf, openCommitTree, openLiveTreeBefore, type Head, type LiveTree, type Target } from "./targets.js";

export interface SwitchOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Makes the branch: at the commit that the target stands on, or at `start`. */
  readonly create?: { readonly start: CommitId | undefined } | undefined;
  /** Only tells what would change. */
  readonly dryRun?: boolean | undefined;
}

export interface SwitchResult {
  readonly from: RefName;
  readonly to: RefName;
  /** Absent when the new branch has none yet. */
  readonly commit: CommitId | undefined;
  /** Holds what was not committed and is gone from the tree now; `undo` brings it back. */
  readonly saved: CommitId | undefined;
  /** From the tree as it was to the tree as it is to be. After a switch nodes are of what stood there before. */
  readonly changes: readonly Change[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

/**
 * Puts a target on another branch and makes its tree that branch's. What was not committed is saved first, and gone from the tree. Where both branches
 * stand on one commit nothing of the tree changes: what is not committed stays.
 *
 * @throws VarveError REVISION_UNKNOWN, NAME_TAKEN, BRANCH_BUSY, CONTAINER_RUNNING; IN_PROGRESS.
 */
export async function switchBranch(
  repository: Repository,
  target: Target,
  branch: RefName,
  options: SwitchOptions,
): Promise<SwitchResult> {
  if (target.kind === "container") requireStopped(target, "switch", true);
  return repository.exclusively(async () => {
    const head = await headOf(repository, target);
    const commit = await commitToSwitchTo(repository, head, branch, options);
    const result = { from: head.branch, to: branch, commit, saved: undefined, changes: [], close: () => undefined };
    if (branch === head.branch) return result;
    await requireFree(repository, branch, "switch to");
    requireNothingInProgress(repository, target, "switch to another branch");
    const draft = draftOf(target, head, branch, { ...options, commit });
    if (commit === undefined || commit === head.commit) {
      if (options.dryRun !== true) await recordOperation(repository, draft);
      return result;
    }
    return { ...result, ...(await switchTree(repository, target, { commit, draft, dryRun: options.dryRun === true })) };
  });
}

async function commitToSwitchTo(
  { history }: Repository,
  head: Head,
  branch: RefName,
  { create }: SwitchOptions,
): Promise<CommitId | undefined> {
  const commit = await history.readRef(branch);
  if (create === undefined) {
    if (commit === undefined && branch !== head.branch) throw await noBranch(history, branch);
    return commit;
  }
  if (commit === undefined) return create.start ?? head.commit;
  throw new VarveError("NAME_TAKEN", `Cannot make branch "${shortName(branch)}": it exists, at ${commit.slice(0, 12)}`, {
    hint: `Switch to it without -c, or move it: varve branch -f ${shortName(branch)} REV`,
  });
}

async function noBranch(history: Repository["history"], branch: RefName): Promise<VarveError> {
  const name = shortName(branch);
  const names = (await history.listRefs(BRANCHES)).map((ref) => shortName(ref.name));
  const [near] = closestNames(name, names);
  const guess = near === undefined ? "" : `Did you mean ${near}? `;
  const isTag = (await history.readRef(`${TAGS}${name}` as RefName)) !== undefined;
  const make = isTag
    ? `It is a tag; to stand on it: varve switch -c BRANCH ${name}`
    : `To make it: varve switch -c ${name} [REV]`;
  return new VarveError("REVISION_UNKNOWN", `Cannot switch to branch "${name}": there is none of that name`, {
    hint: `${isTag ? "" : guess}${make}. To look at a commit without a branch: varve checkout, or varve mount.`,
  });
}

function draftOf(
  target: Target,
  head: Head,
  branch: RefName,
  { command, create, commit }: SwitchOptions & { readonly commit: CommitId | undefined },
): OperationDraft {
  const refs = create !== undefined && commit !== undefined ? [{ name: branch, before: undefined, after: commit }] : [];
  const draft = { command, refs, trees: [] };
  if (target.kind === "directory") return { ...draft, head: { before: head.branch, after: branch } };
  const { id, branchMadeAt } = target.record;
  const before: Standing = { branch: head.branch, ...(branchMadeAt && { branchMadeAt }) };
  return { ...draft, standings: [{ container: id, before, after: { branch } }] };
}

interface TreeSwitch {
  readonly commit: CommitId;
  readonly draft: OperationDraft;
  readonly dryRun: boolean;
}

async function switchTree(
  repository: Repository,
  target: Target,
  { commit, draft, dryRun }: TreeSwitch,
): Promise<Pick<SwitchResult, "saved" | "changes" | "close">> {
  const trees = await openLiveTreeBefore(repository, target, commit);
  let wanted: Tree | undefined;
  const close = (): void => [wanted, trees].forEach((each) => each?.close());
  try {
    wanted = await openCommitTree(repository, commit);
    const changes = await changesTo(target, trees, wanted);
    const saved = dryRun ? undefined : await changeTree(repository, target, trees, { commit, draft });
    return { saved, changes, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function changeTree(
  repository: Repository,
  target: Target,
  trees: LiveTree,
  { commit, draft }: Omit<TreeSwitch, "dryRun">,
): Promise<CommitId | undefined> {
  const saved = (await saveLive(repository, trees, `before ${draft.command}`))?.id;
  const update: TreeUpdate = { target: treeTarget(target), before: saved ?? trees.head.commit, after: commit };
  const refs = [...draft.refs, ...(await keepSaved(repository, saved))];
  await performOperation(repository, { ...draft, refs, trees: [update] }, [treeAct(repository, target, trees, update)]);
  return saved;
}

/** The branch that a target stood on before the last switch. @throws VarveError REVISION_UNKNOWN. */
export async function previousBranch({ operations }: Repository, target: Target): Promise<RefName> {
  for await (const { head, standings = [] } of operations.list()) {
    if (target.kind === "directory" && head !== undefined) return head.before;
    const standing = standings.find(({ container }) => target.kind === "container" && container === target.record.id);
    if (standing !== undefined) return standing.before.branch;
  }
  throw new VarveError("REVISION_UNKNOWN", "Cannot switch back: the operation log knows of no branch before this one", {
    hint: "`varve branch` lists the branches.",
  });
}
