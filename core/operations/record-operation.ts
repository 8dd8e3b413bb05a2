import { VarveError } from "../errors.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Operation } from "../ports/operation-log.js";
import { SAVED } from "../revision/ref-names.js";
import type { Repository } from "../ports/repository.js";

/** Keeps a commit that no branch names, so that `undo` finds it. */
export function savedRef(commit: CommitId): RefName {
  return `${SAVED}${commit}` as RefName;
}

/**
 * Moves the refs of an operation and writes it to the operation log. In this order: a crash between the two leaves moved refs, which the
 * reflog tells of, and never a log of something that did not happen.
 *
 * @throws VarveError REVISION_UNKNOWN when a commit's layer was collected; CONFLICT when a ref is not what the operation says it was; nothing has moved then.
 */
export async function recordOperation(repository: Repository, operation: Omit<Operation, "id" | "time">): Promise<Operation> {
  const refs = operation.refs.filter(({ before, after }) => before !== after);
  await moveRefs(repository, { ...operation, refs });
  return repository.operations.append({ ...operation, refs });
}

/** A saved commit stays kept: what was saved once is never lost by going back. */
export function isNotSaved({ name }: Operation["refs"][number]): boolean {
  return !name.startsWith(SAVED);
}

/** The ref updates that take an operation's back. */
export function reversed(refs: Operation["refs"]): Operation["refs"] {
  return refs.filter(isNotSaved).map(({ name, before, after }) => ({ name, before: after, after: before }));
}

/** @throws VarveError REVISION_UNKNOWN, CONFLICT; nothing has moved then. */
export async function moveRefs(repository: Repository, { refs, head }: Pick<Operation, "refs" | "head">): Promise<void> {
  await requireLayers(repository, refs);
  await repository.history.updateRefs(refs);
  if (head !== undefined) await repository.history.setHead(head.after);
}

/** An old id may still be known to git, or be typed a moment before garbage collection takes it: no ref may lead to what is gone. @throws VarveError REVISION_UNKNOWN. */
export async function requireLayers({ history, layers }: Repository, updates: Operation["refs"]): Promise<void> {
  for (const { after } of updates) {
    if (after === undefined || layers.has((await history.readCommit(after)).layer)) continue;
    throw new VarveError("REVISION_UNKNOWN", `Cannot use commit "${after}": its layer is gone`, {
      hint: "Garbage collection removed it, since nothing led there. If something did, `varve fsck` tells what is damaged.",
    });
  }
}

/** The ref update that keeps a saved commit; none when there is nothing saved or it is kept already. */
export async function keepSaved({ history }: Repository, saved: CommitId | undefined): Promise<Operation["refs"]> {
  if (saved === undefined) return [];
  const name = savedRef(saved);
  const before = await history.readRef(name);
  return before === saved ? [] : [{ name, before, after: saved }];
}
