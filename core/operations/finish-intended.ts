import { VarveError } from "../errors.js";
import type { RefUpdate } from "../ports/history.js";
import type { Moved, Operation, OperationDraft } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { areSameLimits } from "./move-containers.js";
import { moveRefs } from "./record-operation.js";

/**
 * Brings to its end what a killed process had begun to move, and logs it, so that `undo` takes all of it back. What had not begun is let go; so is
 * what somebody has moved elsewhere since. The store's lock is held.
 *
 * @returns What was logged.
 */
export async function finishIntended(repository: Repository): Promise<Operation | undefined> {
  const { operations } = repository;
  const intended = await operations.intended();
  let logged: Operation | undefined;
  if (intended !== undefined && (await hasBegun(repository, intended))) {
    const refs: RefUpdate[] = [];
    for (const update of intended.refs) if ((await placeOf(repository, update)) === "before") refs.push(update);
    if (await isMoved(repository, { ...intended, refs })) logged = await operations.append(intended);
  }
  await operations.withdraw();
  return logged;
}

/** @returns False when the kernel refuses a limit now: all that was still to be moved is as it was. */
async function isMoved(repository: Repository, intended: OperationDraft): Promise<boolean> {
  try {
    await moveRefs(repository, intended, intended.command);
    return true;
  } catch (error) {
    if (error instanceof VarveError && error.code === "RUNTIME_FAILED") return false;
    throw error;
  }
}

/** Refs come first of all that moves. Where there are none, what containers have tells. */
async function hasBegun(repository: Repository, { refs, names = [], limits = [] }: OperationDraft): Promise<boolean> {
  const records = new Map(repository.containers.list().map(({ record }) => [record.id, record]));
  const places =
    refs.length > 0
      ? await Promise.all(refs.map((update) => placeOf(repository, update)))
      : [
          ...names.map((update) => placeAmong(update, records.get(update.container)?.name, Object.is)),
          ...limits.map((update) => placeAmong(update, records.get(update.container)?.configuration.limits, areSameLimits)),
        ];
  return places.includes("after") && !places.includes("elsewhere");
}

type Place = "before" | "after" | "elsewhere";

function placeAmong<T>({ before, after }: Moved<T>, now: T | undefined, areSame: (a: T, b: T) => boolean): Place {
  if (now === undefined) return "elsewhere";
  return areSame(now, after) ? "after" : areSame(now, before) ? "before" : "elsewhere";
}

async function placeOf({ history }: Repository, { name, before, after, beforeTag, afterTag }: RefUpdate): Promise<Place> {
  const [commit, tag] = [await history.readRef(name), (await history.readTag(name))?.id];
  if (commit === after && tag === afterTag) return "after";
  return commit === before && tag === beforeTag ? "before" : "elsewhere";
}
