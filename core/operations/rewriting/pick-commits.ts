import { VarveError } from "../../errors.js";
import type { CommitId } from "../../model/ids.js";
import type { Repository } from "../../ports/repository.js";
import { requireStopped } from "../container-state.js";
import { requireNothingInProgress } from "../in-progress.js";
import type { ReplayKind, ReplayStep } from "./replay-state.js";
import { TargetReplay, type ReplayResult } from "./replay-target.js";
import { openLiveTreeBefore, type Target } from "../targets.js";

export interface PickOptions {
  readonly kind: Exclude<ReplayKind, "rebase">;
  /** In this order. */
  readonly commits: readonly CommitId[];
  /** For merges: which parent their changes are against, from 1. */
  readonly mainline?: number | undefined;
  readonly favor?: "ours" | "theirs" | undefined;
  /** Messages tell which commit was picked. */
  readonly noted?: boolean | undefined;
  /** What the person typed, for the operation log. */
  readonly command: string;
  readonly dryRun?: boolean | undefined;
}

/**
 * Makes the changes of commits on a target's branch once more, or takes them back, each as a commit. Where one has conflicts, what can be merged is put
 * before the person and the rest waits. What is not committed is carried along where nothing touches it.
 *
 * @throws VarveError CONTAINER_RUNNING, IN_PROGRESS; USAGE for a merge without `mainline`; CONFLICT when what is not committed is in the way.
 */
export async function pickCommits(repository: Repository, target: Target, options: PickOptions): Promise<ReplayResult> {
  const { kind, command, mainline } = options;
  if (target.kind === "container") requireStopped(target, `${kind} in`);
  return repository.exclusively(async () => {
    requireNothingInProgress(repository, target, kind);
    const steps: ReplayStep[] = [];
    for (const commit of options.commits) steps.push({ commit, parent: await parentOf(repository, commit, kind, mainline) });
    const trees = await openLiveTreeBefore(repository, target, options.commits.at(-1));
    try {
      const { commit: onto } = trees.head;
      const task = { ...options, steps, onto, before: onto, done: 0, progress: undefined, label: "HEAD", command };
      return await new TargetReplay(repository, target, trees, task).run();
    } finally {
      trees.close();
    }
  });
}

/** @throws VarveError USAGE. */
async function parentOf({ history }: Repository, id: CommitId, kind: ReplayKind, mainline: number | undefined): Promise<number> {
  const { parents } = await history.readCommit(id);
  if (mainline !== undefined || parents.length < 2) return mainline ?? 1;
  throw new VarveError(
    "USAGE",
    `Cannot ${kind} ${id.slice(0, 12)}: it is a merge, wanted the parent that its changes are against`,
    {
      hint: `Name it by its number: varve ${kind} -m 1 is what the merge brought into its first parent.`,
    },
  );
}
