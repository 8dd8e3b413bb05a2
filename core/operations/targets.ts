import { VarveError } from "../errors.js";
import type { CommitId, RefName, TreeId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { ContainerRecord, ContainerState } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import type { Worktree } from "../ports/worktree.js";
import { layerChain } from "./layer-chain.js";

/** Something whose tree changes while nobody commits. */
export type Target =
  | { readonly kind: "directory"; readonly worktree: Worktree }
  | { readonly kind: "container"; readonly record: ContainerRecord; readonly state: ContainerState };

/**
 * @param name A container's name or id; without one, the store's tracked directory.
 * @throws VarveError TARGET_UNKNOWN.
 */
export function findTarget(repository: Repository, name: string | undefined): Target {
  if (name !== undefined) return { kind: "container", ...repository.containers.find(name) };
  if (repository.worktree !== undefined) return { kind: "directory", worktree: repository.worktree };
  throw new VarveError("TARGET_UNKNOWN", "Cannot tell which tree is meant: this store has no tracked directory", {
    path: repository.path,
    hint: "Name a container (`varve ps -a` lists them), or stand in a directory made by `varve init`.",
  });
}

export interface Head {
  readonly branch: RefName;
  /** Absent before the branch's first commit. */
  readonly commit: CommitId | undefined;
}

export async function headOf({ history }: Repository, target: Target): Promise<Head> {
  const branch = target.kind === "directory" ? await history.head() : target.record.branch;
  return { branch, commit: await history.readRef(branch) };
}

/** The tree of a commit; of no commit, the empty tree. Closed by the caller. */
export async function openCommitTree({ layers, history }: Repository, commit: CommitId | undefined): Promise<Tree> {
  return layers.openTree(commit === undefined ? [] : await layerChain(history, commit));
}

export interface LiveTree {
  readonly head: Head;
  /** What HEAD holds. */
  readonly committed: Tree;
  readonly committedId: TreeId | undefined;
  /** What stands there now. */
  readonly live: Tree;
  close(): void;
}

/** A target's tree beside its HEAD's. A running container should be paused meanwhile. */
export async function openLiveTree(repository: Repository, target: Target): Promise<LiveTree> {
  const head = await headOf(repository, target);
  const committedId = head.commit === undefined ? undefined : (await repository.history.readCommit(head.commit)).tree;
  const committed = await openCommitTree(repository, head.commit);
  const base =
    target.kind === "directory" || target.record.base === head.commit
      ? committed
      : repository.layers.openTree(target.record.layers);
  const live =
    target.kind === "directory"
      ? target.worktree.openTree(committed, committedId)
      : repository.containers.openTree(target.record, base);
  const close = (): void => {
    for (const tree of new Set([live, base, committed])) tree.close();
  };
  return { head, committed, committedId, live, close };
}
