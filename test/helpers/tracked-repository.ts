import { mkdirSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import type { CommitId } from "../../core/model/ids.js";
import { commitTarget } from "../../core/operations/commit-target.js";
import { findTarget, type Target } from "../../core/operations/targets.js";
import type { Repository } from "../../core/ports/repository.js";
import { openContainers } from "../../overlay/containers/containers.js";
import { openDirectories } from "../../store/directory/plain-directories.js";
import { openUpperTree } from "../../store/directory/upper-tree.js";
import { gitHistory } from "../../store/git/git-history.js";
import { initStore } from "../../store/init-store.js";
import { openLayerStore } from "../../store/layers/layer-store.js";
import { fileOperationLog } from "../../store/operation-log/file-operation-log.js";
import { exclusively } from "../../store/store-lock.js";
import { tarArchives } from "../../store/tar/tar-archives.js";
import { openWorktree } from "../../store/worktree/open-worktree.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface TrackedRepository {
  readonly repository: Repository;
  readonly directory: string;
  readonly target: Target;
  /** Commits what the directory holds. */
  commit(message: string): Promise<CommitId>;
}

/** A tracked directory with all of its store's real parts, put together as cli/open-repository.ts does. Goes with the test. */
export async function trackedRepository(t: ExecutionContext): Promise<TrackedRepository> {
  const directory = path.join(temporaryDirectory(t), "tracked");
  mkdirSync(directory);
  const layout = initStore(path.join(directory, ".varve"));
  const repository: Repository = {
    path: layout.root,
    layers: openLayerStore(layout),
    history: gitHistory(layout),
    operations: fileOperationLog(layout),
    containers: openContainers({
      directory: layout.containers,
      openUpperTree: (upper, work, base) => openUpperTree({ upper, work, base }),
    }),
    directories: openDirectories(),
    archives: tarArchives,
    worktree: await openWorktree(directory, layout),
    exclusively: (work) => exclusively(layout, work),
  };
  const target = findTarget(repository, undefined);
  const commit = async (message: string): Promise<CommitId> =>
    (await commitTarget(repository, target, { message, command: `commit -m ${message}` })).commit.id;
  return { repository, directory, target, commit };
}
