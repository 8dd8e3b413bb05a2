import { VarveError } from "../../errors.js";
import type { RefName } from "../../model/ids.js";
import type { History, RefMove } from "../../ports/history.js";
import { closestNames } from "../../revision/closest-names.js";
import { BRANCHES, isRefName, shortName, TAGS } from "../../revision/ref-names.js";

export interface Reflog {
  /** `HEAD` or a branch, as it stands before `@{0}`. */
  readonly name: string;
  /** Newest first. */
  readonly moves: readonly RefMove[];
}

/**
 * Where HEAD or a branch has stood.
 *
 * @param name `HEAD`, a branch, or a full ref.
 * @throws VarveError REVISION_UNKNOWN; WRONG_TYPE for a tag, which has no log.
 */
export async function readReflog(history: History, name: string): Promise<Reflog> {
  if (name === "HEAD") return { name, moves: await history.refLog(name) };
  for (const candidate of [name, BRANCHES + name]) {
    if (!isRefName(candidate)) continue;
    const ref = candidate as RefName;
    const moves = await history.refLog(ref);
    if (moves.length > 0) return { name: shortName(ref), moves };
    if (candidate.startsWith(BRANCHES) && (await history.readRef(ref)) !== undefined) return { name: shortName(ref), moves };
  }
  if (await isTag(history, name)) {
    throw new VarveError("WRONG_TYPE", `Cannot show the log of "${name}": it is a tag, wanted HEAD or a branch`, {
      hint: "Tags have no log. The operation log tells which commands moved one.",
    });
  }
  throw await unknown(history, name);
}

async function isTag(history: History, name: string): Promise<boolean> {
  const candidates = [name, TAGS + name].filter((candidate) => candidate.startsWith(TAGS) && isRefName(candidate));
  const refs = await Promise.all(candidates.map(async (candidate) => history.readRef(candidate as RefName)));
  return refs.some((ref) => ref !== undefined);
}

async function unknown(history: History, name: string): Promise<VarveError> {
  const branches = (await history.listRefs(BRANCHES)).map((ref) => shortName(ref.name));
  const close = closestNames(name, [...branches, "HEAD"]);
  return new VarveError("REVISION_UNKNOWN", `Cannot show the log of ${JSON.stringify(name)}: no branch has that name`, {
    hint: close.length > 0 ? `Did you mean ${close.join(" or ")}?` : "See `varve branch` for the branches that there are.",
  });
}
