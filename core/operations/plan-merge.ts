import { VarveError } from "../errors.js";
import { mergeBases } from "../history/merge-base.js";
import type { ImageConfig } from "../model/commit.js";
import type { CommitId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { Favor } from "../merge/drivers/content-driver.js";
import { mergeConfig } from "../merge/merge-config.js";
import { mergeTrees, type MergedTree } from "../merge/merge-trees.js";
import type { MergedTrees } from "../merge/triple.js";
import { openMergeBase } from "../merge/virtual-base.js";
import type { Repository } from "../ports/repository.js";
import { openCommitTree } from "./targets.js";

export interface MergePolicy {
  /** `only`: fail where a commit would have to be made; `never`: make one even where the branch could just move. */
  readonly fastForward?: "only" | "never" | undefined;
  readonly allowUnrelated?: boolean | undefined;
  readonly favor?: Favor | undefined;
  /** The other side as it was named, for conflict markers. */
  readonly theirsLabel: string;
}

/** What merging one commit into another takes. */
export type MergePlan =
  | { readonly kind: "up-to-date" }
  | { readonly kind: "fast-forward" }
  | {
      readonly kind: "merge";
      readonly bases: readonly CommitId[];
      readonly trees: MergedTrees;
      readonly merged: MergedTree;
      readonly config: ImageConfig | undefined;
      /** Parts of the OCI config that both sides changed: as in ours. */
      readonly configConflicts: readonly string[];
    };

/**
 * @param ours `undefined`: the branch has no commit yet.
 * @param opened Gets the trees that the plan reads: closed by the caller, whatever happens.
 * @throws VarveError UNRELATED_HISTORIES; CONFLICT when it would be no fast-forward and was to be one.
 */
export async function planMerge(
  repository: Repository,
  ours: CommitId | undefined,
  theirs: CommitId,
  policy: MergePolicy,
  opened: Tree[],
): Promise<MergePlan> {
  const { history } = repository;
  if (ours === undefined) return { kind: "fast-forward" };
  const bases = await mergeBases(history, ours, theirs);
  if (bases.includes(theirs)) return { kind: "up-to-date" };
  if (bases.includes(ours) && policy.fastForward !== "never") return { kind: "fast-forward" };
  if (bases.length === 0 && policy.allowUnrelated !== true) throw unrelated(ours, theirs);
  if (policy.fastForward === "only") throw noFastForward(theirs);
  const open = (commit: CommitId | undefined): Promise<Tree> => openCommitTree(repository, commit);
  const base = await openMergeBase({ history, open }, bases, opened);
  const own = await open(ours);
  opened.push(own);
  const other = await open(theirs);
  opened.push(other);
  const trees = { base, ours: own, theirs: other };
  const labels = { ours: "HEAD", theirs: policy.theirsLabel };
  const merged = await mergeTrees(base, own, other, { labels, favor: policy.favor });
  const [old, one, two] = await Promise.all(
    [bases[0], ours, theirs].map(async (id) => (id === undefined ? undefined : (await history.readCommit(id)).config)),
  );
  const { config, conflicts } = mergeConfig(old, one, two, policy.favor);
  return { kind: "merge", bases, trees, merged, config, configConflicts: conflicts };
}

function unrelated(ours: CommitId, theirs: CommitId): VarveError {
  return new VarveError(
    "UNRELATED_HISTORIES",
    `Cannot merge ${theirs.slice(0, 12)} into ${ours.slice(0, 12)}: they have no commit in common`,
    { hint: "To merge them as if both had added all that they hold: varve merge --allow-unrelated-histories" },
  );
}

function noFastForward(theirs: CommitId): VarveError {
  return new VarveError("CONFLICT", `Cannot move the branch on to ${theirs.slice(0, 12)}: both have commits of their own`, {
    hint: "Leave --ff-only out for a commit that joins them, or put your commits on top: varve rebase",
  });
}
