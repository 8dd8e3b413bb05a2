import type { ContainerRecord } from "../ports/containers.js";
import type { RefUpdate } from "../ports/history.js";
import type { Effect, Operation, TreeUpdate, UpstreamUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { earlierRecord, stateBefore, type EarlierState, type EarlierTree } from "./earlier-state.js";
import { findOperation } from "./find-operation.js";
import { areSameLimits } from "./move-containers.js";
import { planRevert, type RevertPlan } from "./plan-revert.js";
import { revertEffect, type Reverted, type RevertOptions } from "./revert-effect.js";

export interface RestoreOperationResult {
  /** Absent for `root`. */
  readonly to: Operation | undefined;
  /** Absent when all is as it was then. */
  readonly restored: Reverted | undefined;
  /** Ids of containers that stood then, and of which nothing was kept. */
  readonly lost: readonly string[];
}

/**
 * Makes refs, HEAD, containers and trees what they were right after an operation: what all newer ones add up to is taken back as one operation,
 * which can itself be undone. Refs that something else has moved are put back, too, when a newer operation changed them.
 *
 * @param word See findOperation.
 * @throws VarveError OPERATION_UNKNOWN and what revertEffect throws.
 */
export async function restoreOperation(
  repository: Repository,
  word: string,
  { command }: { readonly command: string },
): Promise<RestoreOperationResult> {
  return repository.exclusively(async () => {
    const { to, effect, lost, ...options } = await differenceSince(repository, word);
    if (isNothing(effect)) return { to, restored: undefined, lost };
    return { to, restored: await revertEffect(repository, effect, { command, kind: "restore", ...options }), lost };
  });
}

export interface RestoreOperationPlan extends Omit<RestoreOperationResult, "restored"> {
  /** Absent when all is as it was then. */
  readonly plan: RevertPlan | undefined;
}

/** What `restoreOperation` would do: nothing is written. @throws VarveError as it does. */
export async function planRestoreOperation(repository: Repository, word: string): Promise<RestoreOperationPlan> {
  return repository.exclusively(async () => {
    const { to, effect, lost, ...options } = await differenceSince(repository, word);
    return { to, plan: isNothing(effect) ? undefined : await planRevert(repository, effect, options), lost };
  });
}

interface DifferenceSince extends Omit<RestoreOperationResult, "restored">, Pick<RevertOptions, "task" | "wayOut"> {
  readonly effect: Effect;
}

async function differenceSince(repository: Repository, word: string): Promise<DifferenceSince> {
  const { found, newer } = await findOperation(repository.operations, word);
  const to = found?.operation;
  const earlier = stateBefore(newer.map(({ operation }) => operation));
  const task = `restore what stood after "${to?.command ?? word}"`;
  return { to, ...(await effectSince(repository, earlier)), task, wayOut: async () => undefined };
}

function isNothing({
  refs,
  trees,
  head,
  standings = [],
  names = [],
  limits = [],
  upstreams = [],
  progress = [],
}: Effect): boolean {
  return [refs, trees, standings, names, limits, upstreams, progress].every(({ length }) => length === 0) && head === undefined;
}

/** From the earlier state to what stands now. */
async function effectSince(
  repository: Repository,
  earlier: EarlierState,
): Promise<{ readonly effect: Effect; readonly lost: readonly string[] }> {
  const records = new Map(repository.containers.list().map(({ record }) => [record.id, record]));
  const trees: TreeUpdate[] = [];
  const lost: string[] = [];
  for (const [key, tree] of earlier.trees) {
    const isContainer = tree.target.kind === "container";
    if (isContainer && tree.commit !== undefined && !records.has(key) && tree.container === undefined) lost.push(key);
    else trees.push(...treeSince(tree, !isContainer || records.has(key), earlier));
  }
  const refs = await refsSince(repository, earlier);
  return { effect: { refs, trees, ...(await movesSince(repository, earlier, records)) }, lost };
}

/** All but refs and trees. */
async function movesSince(
  { history, inProgress }: Repository,
  earlier: EarlierState,
  records: ReadonlyMap<string, ContainerRecord>,
): Promise<Omit<Effect, "refs" | "trees">> {
  const head = await history.head();
  const standings = [...earlier.standings].flatMap(([container, before]) => {
    const record = records.get(container);
    if (record === undefined || record.branch === before.branch) return [];
    const after = { branch: record.branch, ...(record.branchMadeAt && { branchMadeAt: record.branchMadeAt }) };
    return [{ container, before, after }];
  });
  const names = [...earlier.names].flatMap(([container, before]) => {
    const after = records.get(container)?.name ?? before;
    return after === before ? [] : [{ container, before, after }];
  });
  const limits = [...earlier.limits].flatMap(([container, before]) => {
    const after = records.get(container)?.configuration.limits ?? before;
    return areSameLimits(before, after) ? [] : [{ container, before, after }];
  });
  const upstreams: UpstreamUpdate[] = [];
  for (const [branch, before] of earlier.upstreams) {
    const after = await history.upstream(branch);
    if (after !== before) upstreams.push({ branch, before, after });
  }
  const progress = [...earlier.progress]
    .map(([slot, before]) => ({ slot, before, after: inProgress.read(slot) }))
    .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
  return {
    ...(earlier.head !== undefined && head !== earlier.head && { head: { before: earlier.head, after: head } }),
    ...(standings.length > 0 && { standings }),
    ...(names.length > 0 && { names }),
    ...(limits.length > 0 && { limits }),
    ...(upstreams.length > 0 && { upstreams }),
    ...(progress.length > 0 && { progress }),
  };
}

async function refsSince({ history }: Repository, { refs }: EarlierState): Promise<readonly RefUpdate[]> {
  const updates: RefUpdate[] = [];
  for (const [name, { commit, tag }] of refs) {
    const [after, afterTag] = [await history.readRef(name), (await history.readTag(name))?.id];
    if (after === commit && afterTag === tag) continue;
    updates.push({ name, before: commit, after, ...(tag && { beforeTag: tag }), ...(afterTag && { afterTag }) });
  }
  return updates;
}

function treeSince(
  { target, commit, last, container }: EarlierTree,
  stands: boolean,
  earlier: EarlierState,
): readonly TreeUpdate[] {
  if (commit === undefined && target.kind === "container") {
    return stands ? [{ target, before: undefined, after: last, ...(container && { container }) }] : [];
  }
  if (stands) return [{ target, before: commit, after: last ?? commit }];
  const record = container && target.kind === "container" ? earlierRecord(target.id, container, earlier) : container;
  return [{ target, before: commit, after: undefined, ...(record && { container: record }) }];
}
