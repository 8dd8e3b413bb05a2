import type { CommitTreeOptions } from "../layers/commit-tree.js";
import { conflictStateOf } from "../merge/conflict-state.js";
import { mergeStateOf } from "../merge/merge-state.js";
import type { Tree } from "../model/tree.js";
import type { Effect } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import type { Progress } from "../ports/work-in-progress.js";
import { requireResolved } from "./in-progress.js";
import { openCommitTree, slotOf, type Target } from "./targets.js";

/** What a commit does beside what it always does, when it ends something in progress. */
export interface Ending {
  readonly commit: Pick<CommitTreeOptions, "otherParents" | "config" | "allowEmpty">;
  readonly effect: Pick<Effect, "progress">;
  /** Trees of which no path is ignored. */
  readonly tracked: readonly Tree[];
  /** @throws VarveError CONFLICT when a conflict is not finished. */
  requireReady(live: Tree): Promise<void>;
  close(): void;
}

const NOTHING: Ending = { commit: {}, effect: {}, tracked: [], requireReady: async () => undefined, close: () => undefined };

/** A commit during a merge is the merge's. */
export async function openEnding(repository: Repository, target: Target): Promise<Ending> {
  const progress = repository.inProgress.read(slotOf(target));
  const conflicts = progress && conflictStateOf(progress);
  if (progress === undefined || conflicts === undefined) return NOTHING;
  const shown = await openCommitTree(repository, conflicts.shown);
  return {
    ...endingOf(progress, target),
    tracked: [shown],
    requireReady: (live) => requireResolved(repository, target, progress, { live, verb: `commit the ${progress.kind}` }),
    close: () => shown.close(),
  };
}

function endingOf(progress: Progress, target: Target): Pick<Ending, "commit" | "effect"> {
  // Others are ended by their own commands: a rebase goes on, a cherry-pick keeps its author.
  if (progress.kind !== "merge") return { commit: {}, effect: {} };
  const { sides, config, squash } = mergeStateOf(progress);
  const effect = { progress: [{ slot: slotOf(target), before: progress, after: undefined }] };
  return { commit: squash ? {} : { otherParents: [sides.theirs], config, allowEmpty: true }, effect };
}
