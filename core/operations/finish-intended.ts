import type { RefUpdate } from "../ports/history.js";
import type { Operation, OperationDraft } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
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
    await moveRefs(repository, { ...intended, refs }, intended.command);
    logged = await operations.append(intended);
  }
  await operations.withdraw();
  return logged;
}

/** Refs come first of all that moves. Where there are none, nothing is known to have moved. */
async function hasBegun(repository: Repository, { refs }: OperationDraft): Promise<boolean> {
  const places = await Promise.all(refs.map((update) => placeOf(repository, update)));
  return places.includes("after") && !places.includes("elsewhere");
}

async function placeOf(
  { history }: Repository,
  { name, before, after, beforeTag, afterTag }: RefUpdate,
): Promise<"before" | "after" | "elsewhere"> {
  const [commit, tag] = [await history.readRef(name), (await history.readTag(name))?.id];
  if (commit === after && tag === afterTag) return "after";
  return commit === before && tag === beforeTag ? "before" : "elsewhere";
}
