import { VarveError } from "../errors.js";
import type { ByteString } from "../model/byte-string.js";
import type { Commit, Origin } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import { commitTree, type WrittenCommit } from "../layers/commit-tree.js";
import { layerChain } from "../layers/layer-chain.js";
import { requireStanding, vanishedWarnings } from "./vanishing-source.js";
import { openEnding } from "./ending-progress.js";
import { recordOperation } from "./record-operation.js";
import { withMounts, type WithMounts } from "./mounted-content.js";
import { openLiveTree, type LiveTree, type Target } from "./targets.js";
import type { LayerProgress } from "../model/layer-progress.js";

export interface CommitResult {
  readonly commit: WrittenCommit;
  readonly branch: RefName;
  /** Paths that ignore rules left out; of an ignored directory one. */
  readonly ignored: number;
  /** Where something is mounted that is not committed: see FilteredTree. */
  readonly mounts: readonly ByteString[];
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

export interface CommitOptions {
  readonly message: string;
  /** What the person typed, for the operation log. */
  readonly command: string;
  readonly origin?: Origin | undefined;
  /** Of a directory: patterns of what to leave out, each as a line of `.varveignore`. */
  readonly exclude?: readonly ByteString[] | undefined;
  /** Of a container: places whose mounts are committed, too, without a slash before them. */
  readonly includeMounts?: readonly ByteString[] | undefined;
  /** Dockerfile instructions that change the image config, as docker's `--change`. */
  readonly configChanges?: readonly string[] | undefined;
  readonly observe?: ((progress: LayerProgress) => void) | undefined;
}

/**
 * Commits a target's tree on its branch. A running container is paused meanwhile; a stopped one stands on the new commit
 * afterwards, with nothing written above it.
 * @throws VarveError NOTHING_TO_COMMIT.
 */
export async function commitTarget(repository: Repository, target: Target, options: CommitOptions): Promise<CommitResult> {
  return repository.exclusively(async () => {
    const work = (): Promise<CommitResult> => commitLive(repository, target, options);
    return target.kind === "container" ? repository.containers.whilePaused(target.record, work) : work();
  });
}

async function commitLive(repository: Repository, target: Target, options: CommitOptions): Promise<CommitResult> {
  const ending = await openEnding(repository, target);
  const trees = await openLiveTree(repository, target, { ...options, tracked: ending.tracked });
  let mounts: WithMounts | undefined;
  try {
    const { branch, commit: parent } = trees.head;
    if (target.kind === "container")
      mounts = await withMounts(repository, target.record, trees.live, options.includeMounts ?? []);
    const live = mounts?.tree ?? trees.live;
    await ending.requireReady(live);
    const check = (): void => requireStanding(live, "commit the tree");
    const commit = await commitTree(repository, {
      ...options,
      ...ending.commit,
      parent,
      base: trees.committed,
      target: async () => live,
      check,
    });
    if (commit === undefined) throw nothingToCommit(branch);
    const refs = [{ name: branch, before: parent, after: commit.id }];
    await recordOperation(repository, { command: options.command, refs, trees: [], ...ending.effect });
    await settle(repository, target, trees, commit.id);
    return { commit, branch, ignored: live.ignored, mounts: live.mounts, warnings: vanishedWarnings(live) };
  } finally {
    mounts?.close();
    trees.close();
    ending.close();
  }
}

/** Lets the target know that its tree is this commit's now. Only a cache and a fresh upper: a crash before it loses nothing. */
async function settle(repository: Repository, target: Target, { live }: LiveTree, commit: CommitId): Promise<void> {
  if (target.kind === "directory") {
    target.worktree.remember(live, (await repository.history.readCommit(commit)).tree);
  } else if (target.state === "created" || target.state === "stopped") {
    repository.containers.rebase(target.record, commit, await layerChain(repository.history, commit));
  }
}

/**
 * Keeps what a target holds beyond its HEAD in a commit that no branch names.
 * @returns `undefined` when it holds nothing more.
 */
export async function saveLive(repository: Repository, trees: LiveTree, reason: string): Promise<Commit | undefined> {
  return commitTree(repository, {
    parent: trees.head.commit,
    base: trees.committed,
    target: async () => trees.live,
    message: `saved: ${reason}`,
  });
}

function nothingToCommit(branch: RefName): VarveError {
  return new VarveError(
    "NOTHING_TO_COMMIT",
    `Cannot commit: the tree is what ${branch.replace("refs/heads/", "")} holds already`,
  );
}
