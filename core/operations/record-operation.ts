import { VarveError } from "../errors.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import { needingCommits } from "../maintenance/needing-commits.js";
import type { RefUpdate } from "../ports/history.js";
import type { Effect, Moved, Operation, OperationDraft } from "../ports/operation-log.js";
import { SAVED } from "../revision/ref-names.js";
import { moveContainers } from "./move-containers.js";
import type { Repository } from "../ports/repository.js";

/** Keeps a commit that no branch names, so that `undo` finds it. */
export function savedRef(commit: CommitId): RefName {
  return `${SAVED}${commit}` as RefName;
}

/**
 * Moves the refs of an operation and writes it to the operation log. In this order: a crash between the two leaves moved refs, which the
 * reflog tells of, and never a log of something that did not happen. What moves in several steps is noted before: killed among them, the next
 * command brings them to their end and logs the operation (finish-intended.ts).
 *
 * @param moves The refs that have still to be moved.
 * @throws VarveError REVISION_UNKNOWN, LAYER_CORRUPT when a commit's layer is gone; CONFLICT when a ref is not what the operation says it was;
 *   what writing the log throws. Nothing has moved then.
 */
export async function recordOperation(
  repository: Repository,
  operation: OperationDraft,
  moves: readonly RefUpdate[] = operation.refs,
): Promise<Operation> {
  const refs = operation.refs.filter(isMove);
  const moved = { ...operation, refs: moves.filter(isMove) };
  if (steps(moved) < 2) return moveAndLog(repository, moved, { ...operation, refs });
  await repository.operations.intend({ ...operation, refs });
  try {
    return await moveAndLog(repository, moved, { ...operation, refs });
  } finally {
    await repository.operations.withdraw();
  }
}

async function moveAndLog(repository: Repository, moved: Moves, operation: OperationDraft): Promise<Operation> {
  await moveRefs(repository, moved, operation.command);
  try {
    return await repository.operations.append(operation);
  } catch (error) {
    await moveRefs(repository, takenBack(operation), operation.command);
    throw error;
  }
}

function steps({ refs, head, standings = [], names = [], limits = [], upstreams = [], progress = [] }: Moves): number {
  const lists = [refs, standings, names, limits, upstreams, progress];
  return lists.reduce((sum, { length }) => sum + length, head === undefined ? 0 : 1);
}

export function isMove({ before, after, beforeTag, afterTag }: RefUpdate): boolean {
  return before !== after || beforeTag !== afterTag;
}

/** A saved commit stays kept: what was saved once is never lost by going back. */
export function isNotSaved({ name }: RefUpdate): boolean {
  return !name.startsWith(SAVED);
}

/** What takes all of an effect but its trees back. */
export function takenBack({ refs, head, standings, names, limits, upstreams, progress }: Moves): Moves {
  return {
    refs: reversedRefs(refs),
    ...(head && { head: swapped(head) }),
    ...(standings && { standings: standings.map((update) => ({ ...update, ...swapped(update) })) }),
    ...(names && { names: names.map((update) => ({ ...update, ...swapped(update) })) }),
    ...(limits && { limits: limits.map((update) => ({ ...update, ...swapped(update) })) }),
    ...(upstreams && { upstreams: upstreams.map((update) => ({ ...update, ...swapped(update) })) }),
    ...(progress && { progress: progress.map(({ slot, before, after }) => ({ slot, before: after, after: before })) }),
  };
}

/** An effect without its trees. */
export type Moves = Omit<Effect, "trees">;

function swapped<T>({ before, after }: Moved<T>): Moved<T> {
  return { before: after, after: before };
}

function reversedRefs(refs: readonly RefUpdate[]): readonly RefUpdate[] {
  const renamed = new Map(refs.flatMap(({ name, from }) => (from === undefined ? [] : [[from, name] as const])));
  return refs.filter(isNotSaved).map(({ name, before, after, beforeTag, afterTag }) => {
    const from = renamed.get(name);
    return {
      name,
      before: after,
      after: before,
      ...(afterTag && { beforeTag: afterTag }),
      ...(beforeTag && { afterTag: beforeTag }),
      ...(from && { from }),
    };
  });
}

/**
 * All of an effect but its trees.
 *
 * @param reason For `git reflog`: the command that was typed.
 * @throws VarveError REVISION_UNKNOWN, CONFLICT, RUNTIME_FAILED when the kernel refuses a limit; nothing has moved then.
 */
export async function moveRefs(repository: Repository, moves: Moves, reason?: string): Promise<void> {
  await moveWithoutContainers(repository, moves, reason);
  try {
    moveContainers(repository, moves);
  } catch (error) {
    const { standings: _, names: __, limits: ___, ...others } = moves;
    await moveWithoutContainers(repository, takenBack(others), reason);
    throw error;
  }
}

async function moveWithoutContainers(
  repository: Repository,
  { refs, head, upstreams = [], progress = [] }: Moves,
  reason?: string,
): Promise<void> {
  const { history } = repository;
  await requireLayers(repository, refs);
  // A branch that HEAD leaves goes when HEAD is elsewhere: killed between, HEAD is never on a branch that is gone.
  const isLeft = ({ name, after }: RefUpdate): boolean => after === undefined && name === head?.before;
  await history.updateRefs(
    refs.filter((update) => !isLeft(update)),
    reason,
  );
  if (head !== undefined) await history.setHead(head.after);
  await history.updateRefs(refs.filter(isLeft), reason);
  for (const { branch, after } of upstreams) await history.setUpstream(branch, after);
  for (const { slot, after } of progress) repository.inProgress.write(slot, after);
}

/**
 * An old id may still be known to git, or be typed a moment before garbage collection takes it: no ref may lead to what is gone.
 *
 * @throws VarveError REVISION_UNKNOWN; LAYER_CORRUPT when something leads there, so that it should not be gone.
 */
export async function requireLayers(repository: Repository, updates: readonly RefUpdate[]): Promise<void> {
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
export async function keepSaved({ history }: Repository, saved: CommitId | undefined): Promise<readonly RefUpdate[]> {
  if (saved === undefined) return [];
  const name = savedRef(saved);
  const before = await history.readRef(name);
  return before === saved ? [] : [{ name, before, after: saved }];
}
