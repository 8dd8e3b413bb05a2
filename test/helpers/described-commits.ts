import { commitTree } from "../../core/layers/commit-tree.js";
import type { Signature } from "../../core/model/commit.js";
import type { CommitId, RefName, TreeId } from "../../core/model/ids.js";
import { openCommitTree } from "../../core/operations/targets.js";
import type { Repository } from "../../core/ports/repository.js";
import { describeTree, type DescribedEntry } from "../contracts/described-tree.js";
import { memoryTree } from "./memory-tree.js";

export interface DescribedCommit {
  readonly parents?: readonly (CommitId | undefined)[];
  /** The root is added. */
  readonly entries: readonly DescribedEntry[];
  readonly message?: string;
  readonly author?: Signature;
}

export const ROOT: DescribedEntry = { path: "", type: "directory", mtimeSeconds: 5 };

/** Commits a tree that is described. No ref moves. */
export async function commitDescribed(
  repository: Repository,
  { parents = [], entries, message = "message", author }: DescribedCommit,
): Promise<CommitId> {
  const [parent, ...others] = parents.filter((each) => each !== undefined);
  const base = await openCommitTree(repository, parent);
  const all = entries[0]?.path === "" ? entries : [ROOT, ...entries];
  try {
    const target = async () => memoryTree(all);
    const commit = await commitTree(repository, {
      parent,
      otherParents: others,
      base,
      target,
      message,
      author,
      allowEmpty: true,
    });
    return commit!.id;
  } finally {
    base.close();
  }
}

/** Commits one tree after another, each on the one before, and puts a branch there. @returns Oldest first. */
export async function commitLine(
  repository: Repository,
  branch: RefName,
  versions: readonly (readonly DescribedEntry[])[],
): Promise<CommitId[]> {
  const ids: CommitId[] = [];
  for (const [index, entries] of versions.entries()) {
    ids.push(await commitDescribed(repository, { parents: [ids.at(-1)], entries, message: `commit ${index + 1}` }));
  }
  await repository.history.updateRefs([{ name: branch, before: undefined, after: ids.at(-1) }]);
  return ids;
}

export async function treeIdOf({ history }: Repository, commit: CommitId): Promise<TreeId> {
  return (await history.readCommit(commit)).tree;
}

/** What a commit's tree holds, as text to compare. */
export async function describedTree(repository: Repository, commit: CommitId): Promise<unknown> {
  const tree = await openCommitTree(repository, commit);
  try {
    return describeTree(tree);
  } finally {
    tree.close();
  }
}

/** A history's commits along first parents, newest first. */
export async function firstParents({ history }: Repository, tip: CommitId): Promise<CommitId[]> {
  const ids: CommitId[] = [];
  for (let at: CommitId | undefined = tip; at !== undefined; at = (await history.readCommit(at)).parents[0]) ids.push(at);
  return ids;
}
