import { VarveError } from "../errors.js";
import type { CommitId, RefName, TreeId } from "../model/ids.js";
import type { FilteredTree, Tree } from "../model/tree.js";
import type { ContainerRecord, ContainerState } from "../ports/containers.js";
import type { Repository } from "../ports/repository.js";
import type { ProgressSlot } from "../ports/work-in-progress.js";
import type { Worktree, WorktreeOptions } from "../ports/worktree.js";
import { NAMED } from "../revision/ref-names.js";
import { underMounts } from "./mounted-content.js";
import { layerChain } from "../layers/layer-chain.js";

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

/** Where what is in progress in a target is kept. */
export function slotOf(target: Target): ProgressSlot {
  return target.kind === "directory" ? "directory" : target.record.id;
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

/** What every branch, tag and image reference stands on. */
export async function everyTip({ history }: Repository): Promise<readonly CommitId[]> {
  const refs = await Promise.all(NAMED.map((prefix) => history.listRefs(prefix)));
  return refs.flat().map(({ commit }) => commit);
}

/** The tree of a commit; of no commit, the empty tree. Closed by the caller. */
export async function openCommitTree({ layers, history }: Repository, commit: CommitId | undefined): Promise<Tree> {
  const chain = commit === undefined ? [] : await layerChain(history, commit);
  await layers.prepare(chain);
  return layers.openTree(chain);
}

export interface LiveTree {
  readonly head: Head;
  /** What HEAD holds. */
  readonly committed: Tree;
  readonly committedId: TreeId | undefined;
  /** What stands there now. */
  readonly live: FilteredTree;
  close(): void;
}

/** A target's tree beside its HEAD's. A running container should be paused meanwhile. */
export async function openLiveTree(repository: Repository, target: Target, options?: WorktreeOptions): Promise<LiveTree> {
  const head = await headOf(repository, target);
  const committedId = head.commit === undefined ? undefined : (await repository.history.readCommit(head.commit)).tree;
  const committed = await openCommitTree(repository, head.commit);
  if (target.kind === "container") await repository.layers.prepare(target.record.layers);
  const base =
    target.kind === "directory" || target.record.base === head.commit
      ? committed
      : repository.layers.openTree(target.record.layers);
  const live =
    target.kind === "directory"
      ? await target.worktree.openTree(committed, committedId, options)
      : unfiltered(await openOwnTree(repository, target.record, base, committed));
  const close = (): void => {
    for (const tree of new Set([live, base, committed])) tree.close();
  };
  return { head, committed, committedId, live, close };
}

async function openOwnTree({ containers }: Repository, record: ContainerRecord, base: Tree, committed: Tree): Promise<Tree> {
  const own = await containers.openTree(record, base);
  return base === committed ? own : underMounts(own, committed, containers.mountedPlaces(record));
}

/** The same for a target that is about to be made equal to a commit: no path of that commit is ignored, so that it is saved before. */
export async function openLiveTreeBefore(
  repository: Repository,
  target: Target,
  commit: CommitId | undefined,
): Promise<LiveTree> {
  if (target.kind === "container") return openLiveTree(repository, target);
  const wanted = await openCommitTree(repository, commit);
  try {
    return await openLiveTree(repository, target, { tracked: [wanted] });
  } finally {
    wanted.close();
  }
}

/** A tree of which nothing is left out. */
export function unfiltered(tree: Tree): FilteredTree {
  return {
    root: tree.root,
    ignored: 0,
    mounts: [],
    vanishing: () => ({ isGone: false, gone: 0, seen: 0 }),
    close: () => tree.close(),
  };
}
