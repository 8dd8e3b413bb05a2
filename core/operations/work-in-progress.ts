import { VarveError } from "../errors.js";
import type { RefName } from "../model/ids.js";
import type { Repository } from "../ports/repository.js";
import type { Progress, ProgressSlot } from "../ports/work-in-progress.js";
import { waysOut } from "./in-progress.js";

/**
 * Whoever moves a branch to other commits would leave what is in progress on it without its ground.
 *
 * @param branches All of them when absent.
 * @throws VarveError IN_PROGRESS when a merge or the like is in progress where a target stands on one of them.
 */
export async function requireNoneInProgress(
  repository: Repository,
  verb: string,
  branches?: ReadonlySet<RefName>,
): Promise<void> {
  for (const { slot, progress } of repository.inProgress.list()) {
    const branch = await branchOf(repository, slot);
    if (branches === undefined || branch === undefined || branches.has(branch))
      throw inProgress(repository, verb, slot, progress);
  }
}

/** @returns `undefined` for the store's search for a commit. */
async function branchOf({ containers, history }: Repository, slot: ProgressSlot): Promise<RefName | undefined> {
  if (slot === "directory") return history.head();
  return containers.list().find(({ record }) => record.id === slot)?.record.branch;
}

function inProgress({ containers }: Repository, verb: string, slot: ProgressSlot, progress: Progress): VarveError {
  const name = containers.list().find(({ record }) => record.id === slot)?.record.name;
  const where = name === undefined ? "" : ` in container "${name}"`;
  const word = name === undefined ? "" : ` ${name}`;
  return new VarveError("IN_PROGRESS", `Cannot ${verb}: a ${progress.kind} is in progress${where}, wanted none`, {
    hint: `End it first: ${waysOut(progress, word)}`,
  });
}
