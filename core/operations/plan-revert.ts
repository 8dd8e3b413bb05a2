import type { Change } from "../model/change.js";
import type { Effect, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { requireStopped } from "./container-state.js";
import { madeBy, requireNamesFree } from "./free-names.js";
import { openMachineTrees, requireWritable, withExactLeadingOf } from "./machine-trees.js";
import { takenBack } from "./record-operation.js";
import { notMovedYet, requireApplicable, requireBranchesFree, requireReturn, type RevertOptions } from "./revert-effect.js";
import { requireKept, requireUnmoved } from "./revertible.js";
import { findTarget, openCommitTree, openLiveTreeBefore } from "./targets.js";

export interface PlannedTree {
  /** Between commits that are there: what was saved of the tree would be another one. */
  readonly update: TreeUpdate;
  /** From the tree as it is to the tree as it would be. Absent for a container that would be made or removed. */
  readonly changes: readonly Change[] | undefined;
  /** Whether the tree holds what no commit does, so that it would be saved first. */
  readonly saves: boolean;
}

export interface RevertPlan {
  /** What would move; its trees are those of `trees`. */
  readonly effect: Effect;
  readonly trees: readonly PlannedTree[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

/**
 * What `revertEffect` would do. Nothing is written. The store's lock is held.
 * @throws VarveError as `revertEffect` does before it begins.
 */
export async function planRevert(
  repository: Repository,
  effect: Effect,
  { task, wayOut }: Pick<RevertOptions, "task" | "wayOut">,
): Promise<RevertPlan> {
  await requireKept(repository, effect, task);
  await requireUnmoved(repository, effect, task, wayOut);
  await requireBranchesFree(repository, effect);
  requireNamesFree(repository, takenBack(effect).names ?? [], madeBy(effect.trees));
  const opened: { close(): void }[] = [];
  const close = (): void => opened.forEach((tree) => tree.close());
  try {
    const trees: PlannedTree[] = [];
    for (const update of effect.trees) {
      const planned = await planTree(repository, update, { task, opened, names: effect.names });
      trees.push(...planned.filter((tree) => !staysAsItIs(tree)));
    }
    const back = takenBack(effect);
    const refs = await notMovedYet(repository, back.refs);
    return { effect: { ...back, refs, trees: trees.map(({ update }) => update) }, trees, close };
  } catch (error) {
    close();
    throw error;
  }
}

function staysAsItIs({ update: { before, after }, changes, saves }: PlannedTree): boolean {
  return before === after && changes?.length === 0 && !saves;
}

async function planTree(
  repository: Repository,
  update: TreeUpdate,
  { task, opened, names }: { readonly task: string; readonly opened: { close(): void }[]; readonly names: Effect["names"] },
): Promise<readonly PlannedTree[]> {
  const { target, before: wanted } = update;
  const turned = { ...update, before: update.after, after: wanted };
  if (target.kind === "machine") return [await planMachine(repository, turned, task, opened)];
  if (target.kind === "directory") return [await planTarget(repository, turned, task, opened)];
  const stands = repository.containers.list().some(({ record }) => record.id === target.id);
  // By one that was stopped half-way.
  if (wanted === undefined ? !stands : update.after === undefined && stands) return [];
  if (update.after !== undefined) return [await planTarget(repository, turned, task, opened)];
  requireReturn(repository, update, names);
  return [{ update: turned, changes: undefined, saves: false }];
}

async function planTarget(
  repository: Repository,
  update: TreeUpdate,
  task: string,
  opened: { close(): void }[],
): Promise<PlannedTree> {
  const { after, target: place } = update;
  const target = findTarget(repository, place.kind === "container" ? place.id : undefined);
  if (target.kind === "container") requireStopped(target, `${task.split(" ", 1)[0] ?? "undo"} in`);
  const trees = await openLiveTreeBefore(repository, target, after);
  opened.push(trees);
  await requireApplicable(repository, target, trees, after);
  const saves = (await compareTrees(trees.committed, trees.live)).length > 0;
  if (target.kind === "container" && after === undefined) return { update, changes: undefined, saves };
  const wanted = await openCommitTree(repository, after);
  opened.push(wanted);
  return { update, changes: await compareTrees(trees.live, wanted), saves };
}

async function planMachine(
  repository: Repository,
  update: TreeUpdate,
  task: string,
  opened: { close(): void }[],
): Promise<PlannedTree> {
  const trees = await openMachineTrees(repository, update);
  opened.push(trees);
  requireWritable(repository, trees, task);
  const saves = (await compareTrees(trees.from, withExactLeadingOf(trees.live, trees.from, trees.paths))).length > 0;
  return { update, changes: await compareTrees(trees.live, trees.wanted), saves };
}
