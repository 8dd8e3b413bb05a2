import { VarveError } from "../errors.js";
import type { CommitId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { History } from "../ports/history.js";
import type { LayerStore } from "../ports/layer-store.js";
import type { Operation, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import type { Worktree } from "../ports/worktree.js";
import { saveLive } from "./commit-target.js";
import { requireStopped } from "./container-state.js";
import { layerChain } from "../layers/layer-chain.js";
import { keepSaved, moveRefs, takenBack, type Moves } from "./record-operation.js";
import { unheard } from "../yield-to-signals.js";
import { becomeTree, quietly, takeBackTree } from "./rollback-target.js";
import { findTarget, openCommitTree, openLiveTreeBefore, type Target } from "./targets.js";

export interface UndoResult {
  readonly undone: Operation;
  /** What the log says of the undoing itself. */
  readonly operation: Operation;
  /** Hold what was not committed in the trees that were changed. */
  readonly saved: readonly CommitId[];
}

/**
 * Takes back the newest operation that is not taken back yet: its refs, its trees, containers made or removed. What stands
 * in a tree meanwhile is saved first.
 *
 * It is logged when all is done: killed half-way, the operation is not taken back yet, and a repeated undo completes it.
 * @throws VarveError NOTHING_TO_UNDO; CONFLICT when a ref has moved on by other means; CONTAINER_RUNNING.
 */
export async function undoOperation(repository: Repository, { command }: { readonly command: string }): Promise<UndoResult> {
  return repository.exclusively(async () => {
    const undone = await newestUndoable(repository);
    await requireStanding(repository, undone);
    const reverted = await prepare(repository, undone);
    const back = takenBack(undone);
    const saved = (await Promise.all(reverted.map(({ saved }) => keepSaved(repository, saved)))).flat();
    const moves = { ...back, refs: [...(await notMovedYet(repository, back.refs)), ...saved] };
    await moveRefs(repository, moves);
    await actOrTakeBack(repository, reverted, moves);
    const trees = reverted.map(({ update }) => update);
    const record = { ...back, command, refs: [...back.refs, ...saved], trees, undoes: undone.id };
    const operation = await repository.operations.append(record);
    return { undone, operation, saved: reverted.flatMap(({ saved: kept }) => kept ?? []) };
  });
}

/** Where the first tree fails to change, as by an interruption, all is taken back; from then on nothing interrupts. */
async function actOrTakeBack(repository: Repository, [first, ...others]: readonly Reverted[], moves: Moves): Promise<void> {
  try {
    await first?.act();
  } catch (error) {
    await quietly(async () => {
      await first?.takeBack();
      await moveRefs(repository, takenBack(moves));
    });
    throw error;
  }
  await unheard(async () => {
    for (const { act } of others) await act();
  });
}

/** An undo that was stopped half-way has moved them. */
async function notMovedYet({ history }: Repository, refs: Operation["refs"]): Promise<Operation["refs"]> {
  const current = await Promise.all(refs.map(({ name }) => history.readRef(name)));
  return refs.filter(({ after }, index) => current[index] !== after);
}

async function newestUndoable({ operations }: Repository): Promise<Operation> {
  const undone = new Set<string>();
  for await (const operation of operations.list()) {
    if (operation.undoes !== undefined) undone.add(operation.undoes);
    else if (!undone.has(operation.id)) return operation;
  }
  throw new VarveError("NOTHING_TO_UNDO", "Cannot undo: the operation log holds nothing that is not undone already", {
    hint: "Commands that change branches, tags, containers or tracked directories can be undone.",
  });
}

/** @throws VarveError NOTHING_TO_UNDO when what it would bring back is gone: `gc` keeps what younger operations name. */
async function requireStanding({ history, layers }: Repository, { command, refs, trees, time }: Operation): Promise<void> {
  for (const { before } of [...refs, ...trees]) {
    if (before === undefined || (await stands(history, layers, before))) continue;
    throw new VarveError("NOTHING_TO_UNDO", `Cannot undo "${command}" of ${time}: commit "${before.slice(0, 12)}" is gone`, {
      hint: "Garbage collection keeps what operations of the last 30 days need, or what --prune-age told. If it should still be there, `varve fsck` tells what is damaged.",
    });
  }
}

async function stands(history: History, layers: LayerStore, commit: CommitId): Promise<boolean> {
  try {
    return (await layerChain(history, commit)).every((layer) => layers.has(layer));
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED") return false;
    throw error;
  }
}

/** All that can fail is done here, before anything moves. */
interface Reverted {
  readonly update: TreeUpdate;
  readonly saved: CommitId | undefined;
  act(): Promise<void>;
  /** Of an `act` that failed. */
  takeBack(): Promise<void>;
}

async function prepare(repository: Repository, { trees, command }: Operation): Promise<readonly Reverted[]> {
  const reverted: Reverted[] = [];
  for (const update of trees) reverted.push(await prepareTree(repository, update, command));
  return reverted;
}

async function prepareTree(repository: Repository, update: TreeUpdate, command: string): Promise<Reverted> {
  const unmade = update.target.kind === "container" && update.before === undefined;
  if (update.target.kind === "container") {
    const stands = hasContainer(repository, update.target.id);
    const isDone = unmade ? !stands : update.after === undefined && stands;
    // By an undo that was stopped half-way.
    if (isDone)
      return {
        update: { ...update, before: update.after, after: update.before },
        saved: undefined,
        act: nothing,
        takeBack: nothing,
      };
    if (update.after === undefined) return bringBack(repository, update);
  }
  const target = findTarget(repository, update.target.kind === "container" ? update.target.id : undefined);
  if (target.kind === "container") requireStopped(target, "undo in");
  const saved = await saveCurrent(repository, target, update.before, `before undo of ${command}`);
  const reverse: TreeUpdate = { ...update, before: saved ?? update.after, after: update.before };
  const act = async (): Promise<void> => {
    if (unmade && target.kind === "container") return repository.containers.remove(target.record);
    const trees = await openLiveTreeBefore(repository, target, update.before);
    try {
      await becomeTree(repository, target, trees, update.before);
    } finally {
      trees.close();
    }
  };
  return { update: reverse, saved, act, takeBack: () => takeBackTree(repository, target, reverse.before) };
}

async function nothing(): Promise<void> {}

function hasContainer({ containers }: Repository, id: string): boolean {
  return containers.list().some(({ record }) => record.id === id);
}

async function saveCurrent(
  repository: Repository,
  target: Target,
  wanted: CommitId | undefined,
  reason: string,
): Promise<CommitId | undefined> {
  const trees = await openLiveTreeBefore(repository, target, wanted);
  try {
    if (target.kind === "directory") await requireApplicable(repository, target.worktree, trees.live, wanted);
    return (await saveLive(repository, trees, reason))?.id;
  } finally {
    trees.close();
  }
}

async function requireApplicable(
  repository: Repository,
  worktree: Worktree,
  live: Tree,
  commit: CommitId | undefined,
): Promise<void> {
  const wanted = await openCommitTree(repository, commit);
  try {
    worktree.requireApplicable(live, wanted);
  } finally {
    wanted.close();
  }
}

/** A container that was removed stands again, on what it held. */
async function bringBack(repository: Repository, update: TreeUpdate): Promise<Reverted> {
  const base = update.before;
  if (base === undefined || update.container === undefined) {
    throw new VarveError(
      "NOTHING_TO_UNDO",
      "Cannot undo the removal of a container: nothing was kept of it (rm --forget, run --rm)",
    );
  }
  const layers = await layerChain(repository.history, base);
  const record = { ...(update.container as unknown as ContainerRecord), base, layers };
  if (repository.containers.list().some(({ record: { name } }) => name === record.name)) {
    throw new VarveError("NAME_TAKEN", `Cannot bring container "${record.name}" back: another one has its name`, {
      hint: `Remove that one first: varve rm ${record.name}`,
    });
  }
  const reverse: TreeUpdate = { ...update, before: undefined, after: base };
  return { update: reverse, saved: undefined, act: async () => repository.containers.create(record), takeBack: nothing };
}
