import { VarveError } from "../errors.js";
import type { ImageConfig } from "../model/commit.js";
import { parseCommitId, type CommitId } from "../model/ids.js";
import type { Progress } from "../ports/work-in-progress.js";
import { commitsOf, conflictStateOf, type ConflictState } from "./conflict-state.js";

/** A merge that waits for `merge --continue`: docs/on-disk-format.md, section 6.1. */
export interface MergeState extends ConflictState {
  /** The tree to go back to. */
  readonly before: CommitId;
  readonly message: string;
  /** Of the commit to come. */
  readonly config: ImageConfig | undefined;
  /** The commit to come gets no second parent. */
  readonly squash: boolean;
}

export function mergeProgress(state: MergeState): Progress {
  return { kind: "merge", commits: [...new Set([...commitsOf(state), state.before])], state: { ...state } };
}

/** @throws VarveError STORE_DAMAGED. */
export function mergeStateOf(progress: Progress): MergeState {
  const conflicts = conflictStateOf(progress);
  const { before, message, config, squash } = progress.state;
  if (conflicts === undefined || typeof message !== "string" || (config !== undefined && typeof config !== "object")) {
    throw new VarveError("STORE_DAMAGED", "Cannot go on with the merge: what is kept of it is incomplete", {
      hint: "`varve undo` takes the merge back, and with it what is kept of it.",
    });
  }
  const kept = config === null ? undefined : (config as ImageConfig | undefined);
  return { ...conflicts, before: parseCommitId(before), message, config: kept, squash: squash === true };
}
