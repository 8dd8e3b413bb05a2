import { mkdirSync } from "node:fs";
import path from "node:path";
import type { ExecutionContext } from "ava";
import { repositoryAt } from "../../cli/open-repository.js";
import type { CommitId } from "../../core/model/ids.js";
import { commitTarget } from "../../core/operations/commit-target.js";
import { findTarget, type Target } from "../../core/operations/targets.js";
import type { Repository } from "../../core/ports/repository.js";
import { initStore } from "../../store/init-store.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface TrackedRepository {
  readonly repository: Repository;
  readonly directory: string;
  readonly target: Target;
  /** Commits what the directory holds. */
  commit(message: string): Promise<CommitId>;
}

/** A tracked directory with all of its store's real parts. Goes with the test. */
export async function trackedRepository(t: ExecutionContext): Promise<TrackedRepository> {
  const directory = path.join(temporaryDirectory(t), "tracked");
  mkdirSync(directory);
  const layout = initStore(path.join(directory, ".varve"));
  const repository = await repositoryAt(layout, { tracked: directory });
  const target = findTarget(repository, undefined);
  const commit = async (message: string): Promise<CommitId> =>
    (await commitTarget(repository, target, { message, command: `commit -m ${message}` })).commit.id;
  return { repository, directory, target, commit };
}
