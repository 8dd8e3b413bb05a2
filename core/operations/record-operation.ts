import { VarveError } from "../errors.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import { needingCommits } from "../maintenance/needing-commits.js";
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
 * @throws VarveError REVISION_UNKNOWN, LAYER_CORRUPT when a commit's layer is gone; CONFLICT when a ref is not what the operation says it was;
 *   what writing the log throws. Nothing has moved then.
 */
export async function recordOperation(repository: Repository, operation: Omit<Operation, "id" | "time">): Promise<Operation> {
  const refs = operation.refs.filter(({ before, after }) => before !== after);
  const { head, progress } = operation;
  const moves: Moves = { refs, ...(head && { head }), ...(progress && { progress }) };
  await moveRefs(repository, moves);
  try {
    return await repository.operations.append({ ...operation, refs });
  } catch (error) {
    await moveRefs(repository, takenBack(moves));
    throw error;
  }
}

/** What an operation does beside changing trees. */
export type Moves = Pick<Operation, "refs" | "head" | "progress">;

/** What takes them back. */
export function takenBack({ refs, head, progress }: Moves): Moves {
  return {
    refs: reversed(refs),
    ...(head && { head: { before: head.after, after: head.before } }),
    ...(progress && { progress: progress.map(({ slot, before, after }) => ({ slot, before: after, after: before })) }),
  };
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
export async function moveRefs(repository: Repository, { refs, head, progress = [] }: Moves): Promise<void> {
  await requireLayers(repository, refs);
  await repository.history.updateRefs(refs);
  if (head !== undefined) await repository.history.setHead(head.after);
  for (const { slot, after } of progress) repository.inProgress.write(slot, after);
}

/**
 * An old id may still be known to git, or be typed a moment before garbage collection takes it: no ref may lead to what is gone.
 *
 * @throws VarveError REVISION_UNKNOWN; LAYER_CORRUPT when something leads there, so that it should not be gone.
 */
export async function requireLayers(repository: Repository, updates: Operation["refs"]): Promise<void> {
  const { history, layers } = repository;
  for (const { after } of updates) {
    if (after === undefined) continue;
    const { layer } = await history.readCommit(after);
    if (layers.has(layer)) continue;
    const { newest } = await needingCommits(repository, [layer], 1);
    if (newest.length > 0) throw lostLayer(after, layer);
    throw new VarveError("REVISION_UNKNOWN", `Cannot use commit "${after}": its layer is gone`, {
      hint: "Garbage collection removed it, since nothing led there. If something did, `varve fsck` tells what is damaged.",
    });
  }
}

function lostLayer(commit: CommitId, layer: LayerId): VarveError {
  return new VarveError("LAYER_CORRUPT", `Cannot use commit "${commit}": its layer "${layer}" is missing`, {
    hint: "`varve fsck` tells what that touches. Restore the image from a backup, or commit or import the same tree again.",
    layers: [layer],
  });
}

/** The ref update that keeps a saved commit; none when there is nothing saved or it is kept already. */
export async function keepSaved({ history }: Repository, saved: CommitId | undefined): Promise<Operation["refs"]> {
  if (saved === undefined) return [];
  const name = savedRef(saved);
  const before = await history.readRef(name);
  return before === saved ? [] : [{ name, before, after: saved }];
}
