import { VarveError } from "../errors.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { ContainerRecord } from "../ports/containers.js";
import type { RefUpdate } from "../ports/history.js";
import type { Effect, Operation, OperationDraft, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { layerChain } from "../layers/layer-chain.js";
import { requireFree } from "./branches.js";
import { prepareMachine } from "./change-machine.js";
import { NO_TREES, performOperation, treeAct, type TreeAct } from "./change-trees.js";
import { saveLive } from "./commit-target.js";
import { isUntouched, requireStopped } from "./container-state.js";
import { madeBy, requireNamesFree } from "./free-names.js";
import { keepSaved, takenBack } from "./record-operation.js";
import { requireKept, requireUnmoved } from "./revertible.js";
import { findTarget, openCommitTree, openLiveTreeBefore, type LiveTree, type Target } from "./targets.js";

export interface RevertOptions {
  readonly command: string;
  readonly kind: NonNullable<Operation["kind"]>;
  readonly undoes?: string;
  /** What is taken back, for messages: `undo "rollback main~2"`. */
  readonly task: string;
  /** Said when a ref has moved by other means. */
  readonly wayOut: () => Promise<string | undefined>;
}

export interface Reverted {
  /** What the log says of the taking back. */
  readonly operation: Operation;
  /** Hold what was not committed in the trees that were changed. */
  readonly saved: readonly CommitId[];
}

/**
 * Takes an effect back: refs, HEAD, trees, containers that were made or removed, branches that containers stand on. What stands in a tree
 * meanwhile is saved first. The store's lock is held.
 *
 * @throws VarveError NOTHING_TO_UNDO when a commit that it needs is gone; CONFLICT when a ref has moved on by other means; BRANCH_BUSY,
 *   CONTAINER_RUNNING, NAME_TAKEN.
 */
export async function revertEffect(repository: Repository, effect: Effect, options: RevertOptions): Promise<Reverted> {
  await requireKept(repository, effect, options.task);
  await requireUnmoved(repository, effect, options.task, options.wayOut);
  await requireBranchesFree(repository, effect);
  requireNamesFree(repository, takenBack(effect).names ?? [], madeBy(effect.trees));
  const ready: PreparedTree[] = [];
  try {
    for (const update of effect.trees) ready.push(await prepareTree(repository, update, { ...options, names: effect.names }));
    const saved = ready.flatMap((tree) => tree.saved ?? []);
    const kept = (await Promise.all(saved.map((commit) => keepSaved(repository, commit)))).flat();
    const back = takenBack(effect);
    const { command, kind, undoes } = options;
    const draft: OperationDraft = {
      ...back,
      command,
      refs: [...back.refs, ...kept],
      trees: ready.map(({ update }) => update),
      ...(undoes && { undoes }),
      kind,
    };
    const moves = [...(await notMovedYet(repository, back.refs)), ...kept];
    const acts = ready.flatMap(({ act }) => act ?? []);
    return { operation: await performOperation(repository, draft, acts, { moves }), saved };
  } finally {
    for (const tree of ready) tree.close?.();
  }
}

/** One that was stopped half-way has moved them. */
export async function notMovedYet({ history }: Repository, refs: readonly RefUpdate[]): Promise<readonly RefUpdate[]> {
  const moves: RefUpdate[] = [];
  for (const update of refs) {
    const isThere =
      (await history.readRef(update.name)) === update.after && (await history.readTag(update.name))?.id === update.afterTag;
    if (!isThere) moves.push(update);
  }
  return moves;
}

/** Nobody may come to stand where somebody stands meanwhile. */
export async function requireBranchesFree(repository: Repository, { head, standings = [], trees }: Effect): Promise<void> {
  const leaving = new Set(standings.map(({ container }) => container));
  for (const { container, before, after } of standings) {
    if (before.branch !== after.branch)
      await requireFree(repository, before.branch, "go back to", { besides: [...leaving, container] });
  }
  if (head !== undefined) await requireFree(repository, head.before, "go back to", { besides: [...leaving], ofDirectory: true });
  for (const { before, after, container } of trees) {
    if (before === undefined || after !== undefined || container === undefined) continue;
    await requireFree(repository, container["branch"] as RefName, "go back to", {
      besides: [...leaving, String(container["id"])],
    });
  }
}

/** All that can fail is done, before anything moves. */
interface PreparedTree {
  readonly update: TreeUpdate;
  readonly saved?: CommitId | undefined;
  /** Absent when it is done already. */
  readonly act?: TreeAct;
  close?(): void;
}

async function prepareTree(
  repository: Repository,
  update: TreeUpdate,
  { task, names }: Pick<RevertOptions, "task"> & Pick<Effect, "names">,
): Promise<PreparedTree> {
  const { target } = update;
  if (target.kind === "machine") return prepareMachine(repository, update, task);
  if (target.kind === "directory") return prepareTarget(repository, findTarget(repository, undefined), update, task);
  const stands = repository.containers.list().some(({ record }) => record.id === target.id);
  const unmade = update.before === undefined;
  // By one that was stopped half-way.
  if (unmade ? !stands : update.after === undefined && stands)
    return { update: { ...update, before: update.after, after: update.before } };
  if (update.after === undefined) return bringBack(repository, update, names);
  return prepareTarget(repository, findTarget(repository, target.id), update, task);
}

async function prepareTarget(repository: Repository, target: Target, update: TreeUpdate, task: string): Promise<PreparedTree> {
  if (target.kind === "container") requireStopped(target, `${task.split(" ", 1)[0] ?? "undo"} in`);
  const wanted = update.before;
  if (target.kind === "container" && (await isUntouched(repository, target))) {
    const turned = { ...update, before: target.record.base, after: wanted };
    return { update: turned, act: actOn(repository, target, NO_TREES, turned) };
  }
  const trees = await openLiveTreeBefore(repository, target, wanted);
  try {
    await requireApplicable(repository, target, trees, wanted);
    const saved = (await saveLive(repository, trees, `before ${task}`))?.id;
    const turned = { ...update, before: saved ?? trees.head.commit, after: wanted };
    return { update: turned, saved, act: actOn(repository, target, trees, turned), close: () => trees.close() };
  } catch (error) {
    trees.close();
    throw error;
  }
}

function actOn(repository: Repository, target: Target, trees: LiveTree, update: TreeUpdate): TreeAct {
  if (target.kind === "directory" || update.after !== undefined) return treeAct(repository, target, trees, update);
  return {
    act: async () => repository.containers.remove(target.record),
    takeBack: async () => {
      if (update.before !== undefined) await putBack(repository, target.record, update.before);
    },
  };
}

/** A container stands again, on a commit that holds what it held. Does nothing when it still stands. */
export async function putBack(repository: Repository, record: ContainerRecord, base: CommitId): Promise<void> {
  const { containers, history } = repository;
  if (containers.list().some(({ record: { id } }) => id === record.id)) return;
  containers.create({ ...record, base, layers: await layerChain(history, base) });
}

export async function requireApplicable(
  repository: Repository,
  target: Target,
  { live }: LiveTree,
  commit: CommitId | undefined,
): Promise<void> {
  if (target.kind === "container") return;
  const wanted = await openCommitTree(repository, commit);
  try {
    target.worktree.requireApplicable(live, wanted);
  } finally {
    wanted.close();
  }
}

/** A container that was removed stands again, on what it held. */
async function bringBack(repository: Repository, update: TreeUpdate, names: Effect["names"]): Promise<PreparedTree> {
  const { base, record } = requireReturn(repository, update, names);
  const act = {
    act: () => putBack(repository, record, base),
    takeBack: async () => repository.containers.remove(record),
  };
  return { update: { ...update, before: undefined, after: base }, act };
}

/**
 * @param names Those that the same effect changed: they have gone back when a container does.
 * @throws VarveError NOTHING_TO_UNDO when nothing was kept of a container; NAME_TAKEN.
 */
export function requireReturn(
  repository: Repository,
  update: TreeUpdate,
  names: Effect["names"] = [],
): { readonly base: CommitId; readonly record: ContainerRecord } {
  const base = update.before;
  if (base === undefined || update.container === undefined) {
    throw new VarveError(
      "NOTHING_TO_UNDO",
      "Cannot undo the removal of a container: nothing was kept of it (rm --forget, run --rm)",
    );
  }
  const record = update.container as unknown as ContainerRecord;
  const nameOf = (other: ContainerRecord): string => names.find(({ container }) => container === other.id)?.before ?? other.name;
  if (repository.containers.list().some((other) => nameOf(other.record) === record.name)) {
    throw new VarveError("NAME_TAKEN", `Cannot bring container "${record.name}" back: another one has its name`, {
      hint: `Remove that one first: varve rm ${record.name}`,
    });
  }
  return { base, record };
}
