import { VarveError } from "../../errors.js";
import { isAncestor, mergeBases } from "../../history/merge-base.js";
import { oldestFirst } from "../../history/oldest-first.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId } from "../../model/ids.js";
import type { Repository } from "../../ports/repository.js";
import { saveLive } from "../commit-target.js";
import { requireStopped } from "../container-state.js";
import { requireNothingInProgress } from "../in-progress.js";
import type { ReplayStep } from "./replay-state.js";
import { TargetReplay, type ReplayResult } from "./replay-target.js";
import { openLiveTreeBefore, type LiveTree, type Target } from "../targets.js";

export interface RebaseOptions {
  /** What the branch's own commits are told from: those that this commit does not come from. */
  readonly upstream: CommitId;
  /** Where they are put; by default on `upstream`. */
  readonly onto?: CommitId | undefined;
  /** What they are put on, for people. */
  readonly label: string;
  readonly favor?: "ours" | "theirs" | undefined;
  /** What the person typed, for the operation log. */
  readonly command: string;
  readonly dryRun?: boolean | undefined;
}

export interface RebaseResult extends ReplayResult {
  /** Whether all stood there already. */
  readonly isUpToDate: boolean;
  /** Merges of the branch: what they joined is put one after another, without them. */
  readonly merges: readonly CommitId[];
  /** The image that a container was made on, when it was taken as what its own commits come after. */
  readonly madeOn: CommitId | undefined;
}

/**
 * Puts what a target's branch has of its own on another commit, commit by commit, then what is not committed, which stays so. A container comes so onto a
 * newer image. Where there are conflicts, what can be merged is put before the person and the rest waits.
 *
 * @throws VarveError CONTAINER_RUNNING, IN_PROGRESS; UNRELATED_HISTORIES when the branch and `upstream` have no commit in common, and the target is no
 *   container that was made with its branch; REVISION_UNKNOWN before the first commit.
 */
export async function rebaseTarget(repository: Repository, target: Target, options: RebaseOptions): Promise<RebaseResult> {
  if (target.kind === "container") requireStopped(target, "rebase");
  return repository.exclusively(async () => {
    requireNothingInProgress(repository, target, "rebase");
    const onto = options.onto ?? options.upstream;
    const trees = await openLiveTreeBefore(repository, target, onto);
    try {
      return await rebase(repository, target, trees, { ...options, onto });
    } finally {
      trees.close();
    }
  });
}

async function rebase(
  repository: Repository,
  target: Target,
  trees: LiveTree,
  options: RebaseOptions & { readonly onto: CommitId },
): Promise<RebaseResult> {
  const { onto, command, dryRun, favor, label } = options;
  const { branch, commit: head } = trees.head;
  if (head === undefined) throw unborn(branch);
  const { own, madeOn } = await ownCommits(repository, target, head, options.upstream);
  const merges = own.filter(({ parents }) => parents.length > 1).map(({ id }) => id);
  const steps: ReplayStep[] = own.filter(({ parents }) => parents.length < 2).map(({ id }) => ({ commit: id, parent: 1 }));
  if (merges.length === 0 && (await standsOn(repository, own, head, onto))) {
    return { ...upToDate(trees, head), merges, madeOn };
  }
  const saved = (await saveLive(repository, trees, `before ${command}`))?.id;
  const task = {
    kind: "rebase" as const,
    ...{ onto, steps, favor, command, label, before: head, done: 0, progress: undefined, dryRun },
    madeAt: onto,
    standing: saved ?? head,
    ...(saved !== undefined && { uncommitted: { base: head, saved }, kept: [saved] }),
  };
  const result = await new TargetReplay(repository, target, trees, task).run();
  return { ...result, isUpToDate: false, merges, madeOn };
}

/** Oldest first. @throws VarveError UNRELATED_HISTORIES. */
async function ownCommits(
  { history }: Repository,
  target: Target,
  head: CommitId,
  upstream: CommitId,
): Promise<{ readonly own: readonly Commit[]; readonly madeOn: CommitId | undefined }> {
  const bases = await mergeBases(history, head, upstream);
  if (bases.length > 0)
    return { own: await oldestFirst(history, [head], await ancestorsOf(history, upstream)), madeOn: undefined };
  const madeOn = target.kind === "container" ? target.record.branchMadeAt : undefined;
  const below = madeOn && (await isAncestor(history, madeOn, head)) ? await ancestorsOf(history, madeOn) : undefined;
  if (below === undefined) throw unrelated(head, upstream);
  return { own: await oldestFirst(history, [head], below), madeOn };
}

/** Whether the branch's own commits are a line that begins there. */
async function standsOn({ history }: Repository, own: readonly Commit[], head: CommitId, onto: CommitId): Promise<boolean> {
  if (own.length > 0)
    return own[0]?.parents[0] === onto && own.every(({ parents }, index) => index === 0 || parents[0] === own[index - 1]?.id);
  return head === onto || (await isAncestor(history, onto, head));
}

async function ancestorsOf(history: Repository["history"], commit: CommitId): Promise<ReadonlySet<CommitId>> {
  return new Set((await oldestFirst(history, [commit])).map(({ id }) => id));
}

function upToDate({ head: { branch } }: LiveTree, head: CommitId): Omit<RebaseResult, "merges" | "madeOn"> {
  const none = {
    replayed: [],
    dropped: [],
    notes: [],
    configConflicts: [],
    conflicts: [],
    stoppedAt: undefined,
    saved: undefined,
  };
  return { kind: "done", branch, before: head, after: head, left: 0, ...none, isUpToDate: true };
}

function unborn(branch: string): VarveError {
  return new VarveError("REVISION_UNKNOWN", `Cannot rebase branch "${branch.replace("refs/heads/", "")}": it has no commit yet`, {
    hint: "Make the first one with `varve commit`, or take the branch there: varve rollback REV",
  });
}

function unrelated(head: CommitId, upstream: CommitId): VarveError {
  return new VarveError(
    "UNRELATED_HISTORIES",
    `Cannot rebase ${head.slice(0, 12)} onto ${upstream.slice(0, 12)}: they have no commit in common`,
    { hint: "Say after which commit its own ones begin: varve rebase [TARGET] OLD --onto NEW" },
  );
}
