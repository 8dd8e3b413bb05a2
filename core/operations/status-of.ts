import type { Change } from "../model/change.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import { type DiffOptions, diffTarget } from "./diff-sides.js";
import { pendingWork, type PendingWork } from "./in-progress.js";
import { headOf, type Target } from "./targets.js";

export interface Status {
  readonly branch: RefName;
  readonly commit: CommitId | undefined;
  /** What a merge and its like have left to do; absent when nothing is in progress. */
  readonly pending: PendingWork | undefined;
  readonly changes: readonly Change[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

/** What a target holds that its HEAD does not. Copies are added files here: what `status --json` says never depends on other files. */
export async function statusOf(repository: Repository, target: Target, options?: DiffOptions): Promise<Status> {
  const pending = await pendingWork(repository, target);
  return {
    ...(await headOf(repository, target)),
    pending,
    ...(await diffTarget(repository, target, { ...options, copies: "none" })),
  };
}
