import type { Change } from "../model/change.js";
import type { CommitId } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { commitTree } from "../layers/commit-tree.js";
import { compareTrees } from "../trees/compare-trees.js";
import type { TreeAct } from "./change-trees.js";
import {
  openMachineTrees,
  requireWritable,
  withExactLeadingOf,
  type MachineTrees,
  type MachineTreesOptions,
  type MachineUpdate,
} from "./machine-trees.js";

/** Makes paths of this machine's root what an update says. */
export function machineAct(repository: Repository, { before, after }: MachineUpdate): TreeAct {
  return {
    act: () => becomePaths(repository, { before, after }),
    takeBack: () => becomePaths(repository, { before: after, after: before }, { isBegun: true }),
  };
}

async function becomePaths(repository: Repository, update: MachineUpdate, options?: MachineTreesOptions): Promise<void> {
  const trees = await openMachineTrees(repository, update, options);
  try {
    await repository.machine.apply(trees.live, trees.wanted, trees.keep);
  } finally {
    trees.close();
  }
}

/** What takes a change of this machine's root back, all that can fail beforehand being done. */
export interface PreparedMachine {
  readonly update: TreeUpdate;
  /** Holds what stood at the paths, when that is not what the change left there. */
  readonly saved: CommitId | undefined;
  readonly act: TreeAct;
}

/** @throws VarveError CONFLICT, PERMISSION. */
export async function prepareMachine(repository: Repository, update: TreeUpdate, task: string): Promise<PreparedMachine> {
  const trees = await openMachineTrees(repository, { before: update.after, after: update.before });
  try {
    requireWritable(repository, trees, task);
    const saved = await saveLivePaths(repository, trees, update.after, `before ${task}`);
    const turned = { target: update.target, before: saved ?? update.after, after: update.before };
    return { update: turned, saved, act: machineAct(repository, turned) };
  } finally {
    trees.close();
  }
}

async function saveLivePaths(
  repository: Repository,
  { live, from, paths }: MachineTrees,
  parent: CommitId | undefined,
  reason: string,
): Promise<CommitId | undefined> {
  const target = async (): Promise<Tree> => withExactLeadingOf(live, from, paths);
  return (await commitTree(repository, { parent, base: from, target, message: `saved: ${reason}` }))?.id;
}

/**
 * Brings to its end what a process logged and was killed before it had changed all paths.
 *
 * @param isWorkedOn Whether what stands at a path is of neither side.
 * @returns Whether there was something to do, or why it can't be done.
 */
export async function finishMachine(
  repository: Repository,
  update: MachineUpdate,
  isWorkedOn: (change: Change, old: Tree) => boolean,
): Promise<boolean | string> {
  const trees = await openMachineTrees(repository, update, { isBegun: true });
  try {
    repository.machine.clearLeftovers(trees.paths);
    const changes = await compareTrees(trees.live, trees.wanted);
    if (changes.length === 0) return false;
    if (changes.some((change) => isWorkedOn(change, trees.from))) return "files were changed since";
    requireWritable(repository, trees, "go on");
    await repository.machine.apply(trees.live, trees.wanted, trees.keep);
    return true;
  } finally {
    trees.close();
  }
}
