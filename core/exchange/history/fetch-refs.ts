import { ancestorsOf } from "../../history/reaching.js";
import type { CommitId, RefName } from "../../model/ids.js";
import { VarveError } from "../../errors.js";
import { requireFree } from "../../operations/branches.js";
import type { HistoryRef } from "../../ports/histories.js";
import type { RefUpdate } from "../../ports/history.js";
import type { Repository } from "../../ports/repository.js";
import { TAGS } from "../../revision/ref-names.js";

/** Why a ref does not move that a container or the tracked directory stands on, in git's words. */
export const CHECKED_OUT = "checked out";

/** What becomes of a ref that came from elsewhere, as `git fetch` tells it. */
export interface FetchedRef {
  readonly name: RefName;
  readonly before: CommitId | undefined;
  readonly after: CommitId;
  readonly outcome: "new" | "forward" | "forced" | "same" | "rejected";
  /** Why it was rejected, in git's words. */
  readonly reason?: string | undefined;
}

export interface PlannedRefs {
  readonly refs: readonly FetchedRef[];
  readonly updates: readonly RefUpdate[];
}

/**
 * Which refs move: those that are new, and branches that go on from where they stand here. By `force` all of them; but none that a container or the tracked
 * directory stands on, whose files would not go along.
 */
export async function planRefs(repository: Repository, refs: readonly HistoryRef[], force: boolean): Promise<PlannedRefs> {
  const fetched: FetchedRef[] = [];
  const updates: RefUpdate[] = [];
  for (const { name, commit: after, tag } of refs) {
    if (name === "HEAD") continue;
    const before = await repository.history.readRef(name);
    const beforeTag = name.startsWith(TAGS) ? (await repository.history.readTag(name))?.id : undefined;
    const standing = { name, before, beforeTag };
    const { outcome, reason } = await outcomeOf(repository, standing, { commit: after, tag }, force);
    fetched.push({ name, before, after, outcome, ...(reason !== undefined && { reason }) });
    if (outcome === "same" || outcome === "rejected") continue;
    updates.push({ name, before, after, ...(beforeTag && { beforeTag }), ...(tag && { afterTag: tag }) });
  }
  return { refs: fetched, updates };
}

async function outcomeOf(
  repository: Repository,
  { name, before, beforeTag }: Pick<RefUpdate, "name" | "before" | "beforeTag">,
  { commit, tag }: Pick<HistoryRef, "commit" | "tag">,
  force: boolean,
): Promise<Pick<FetchedRef, "outcome" | "reason">> {
  if (before === undefined) return { outcome: "new" };
  if (before === commit && beforeTag === tag) return { outcome: "same" };
  if (await isStoodOn(repository, name)) return { outcome: "rejected", reason: CHECKED_OUT };
  if (name.startsWith(TAGS)) return force ? { outcome: "forced" } : { outcome: "rejected", reason: "would clobber existing tag" };
  if ((await ancestorsOf(repository.history, [commit])).has(before)) return { outcome: "forward" };
  return force ? { outcome: "forced" } : { outcome: "rejected", reason: "non-fast-forward" };
}

async function isStoodOn(repository: Repository, name: RefName): Promise<boolean> {
  try {
    await requireFree(repository, name, "move");
    return false;
  } catch (error) {
    if (error instanceof VarveError && error.code === "BRANCH_BUSY") return true;
    throw error;
  }
}
