import { VarveError } from "../errors.js";
import { containerEvent } from "../events/container-event.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import { randomId } from "../model/random-id.js";
import { CONTAINER_NAME, type ContainerRecord, type ProcessResult, type RunConfiguration } from "../ports/containers.js";
import type { RefUpdate } from "../ports/history.js";
import type { LayerImageFile } from "../ports/layer-store.js";
import type { Operation, OperationDraft, TreeUpdate } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import type { ProgressUpdate } from "../ports/work-in-progress.js";
import { PASSING } from "../revision/ref-names.js";
import { requireFree } from "./branches.js";
import { saveLive } from "./commit-target.js";
import { requireStopped } from "./container-state.js";
import { layerChain } from "../layers/layer-chain.js";
import { keepSaved, requireLayers } from "./record-operation.js";
import { becomeTree, performOperation } from "./change-trees.js";
import { putBack } from "./revert-effect.js";
import { withSharedNetwork } from "./shared-network.js";
import { findTarget, headOf, openLiveTree, type Target } from "./targets.js";
import { compareTrees } from "../trees/compare-trees.js";

type ContainerTarget = Extract<Target, { kind: "container" }>;

export interface CreateOptions {
  readonly name: string;
  /** By default a branch of the container's own, named after it. */
  readonly branch?: RefName | undefined;
  readonly commit: CommitId;
  readonly configuration: RunConfiguration;
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Removed when its process ends: nothing of it goes into the operation log. */
  readonly passing?: boolean;
}

/**
 * Makes a container on a commit, not yet started.
 * @throws VarveError BAD_NAME, NAME_TAKEN, BRANCH_BUSY; CONFLICT when the branch exists and stands elsewhere.
 */
export async function createContainer(repository: Repository, options: CreateOptions): Promise<ContainerRecord> {
  requireContainerName(options.name);
  return repository.exclusively(async () => {
    const { history, containers } = repository;
    requireNameFree(repository, options.name);
    const branch = options.branch ?? (`refs/heads/${options.name}` as RefName);
    await requireFree(repository, branch, "use");
    const before = await history.readRef(branch);
    if (before !== undefined && before !== options.commit) throw branchElsewhere(branch, before, options);
    const record: ContainerRecord = {
      id: randomId(6),
      name: options.name,
      branch,
      ...(before === undefined ? { branchMadeAt: options.commit } : {}),
      base: options.commit,
      layers: await layerChain(history, options.commit),
      created: new Date().toISOString(),
      configuration: withSharedNetwork(containers, options.configuration),
    };
    // The branch first: a crash after it leaves a branch, never a container without one.
    const refs = before === undefined ? [{ name: branch, before, after: options.commit }] : [];
    await requireLayers(repository, refs);
    // One in the background may live long.
    const isPassing = options.passing === true && options.configuration.background === undefined;
    await history.updateRefs(refs, options.command, isPassing);
    containers.create(record, isPassing);
    if (options.passing !== true) await repository.operations.append(creation(record, refs, options.command));
    return record;
  });
}

function creation(record: ContainerRecord, refs: readonly RefUpdate[], command: string): OperationDraft {
  const target = { kind: "container", id: record.id } as const;
  const container = record as unknown as Record<string, unknown>;
  return { command, refs, trees: [{ target, before: undefined, after: record.base, container }] };
}

export interface StartOptions {
  /** Given the layers that the container stands on, newest first, before the kernel is: throws when they are not sound. */
  readonly verify?: ((layers: readonly LayerId[]) => Promise<void>) | undefined;
  /** What the person typed, for the operation log. Absent for a first start, which `undo` takes back with the making of the container. */
  readonly command?: string;
}

/**
 * Runs the container's command on its HEAD with what is not committed, until it ends. What a process changes of a commit `undo` takes back; of
 * one that went on from what was not committed nothing is logged, for that would have to be saved at each start.
 *
 * @throws VarveError CONTAINER_RUNNING and what `verify` and `Containers.run` throw.
 */
export async function startContainer(
  repository: Repository,
  container: { readonly id: string },
  options: StartOptions = {},
): Promise<ProcessResult> {
  const { record, images } = await prepareStart(repository, container, options);
  return repository.containers.run(record, images);
}

/**
 * As `startContainer`, but returns as soon as the process runs: a supervisor keeps it.
 *
 * @throws VarveError CONTAINER_RUNNING and what `verify` and `Containers.start` throw.
 */
export async function startInBackground(
  repository: Repository,
  container: { readonly id: string },
  options: StartOptions = {},
): Promise<void> {
  const { record, images } = await prepareStart(repository, container, options);
  repository.containers.noteRestarts(record, { count: 0, stopped: false });
  await repository.containers.start(record, images);
}

/** Puts the container on its HEAD. */
export async function prepareStart(
  repository: Repository,
  { id }: { readonly id: string },
  { verify, command }: StartOptions,
): Promise<{ readonly record: ContainerRecord; readonly images: readonly LayerImageFile[] }> {
  const record = await repository.exclusively(() => standOnHead(repository, id));
  await verify?.(record.layers);
  if (command !== undefined) await repository.exclusively(() => recordStart(repository, record, command));
  return { record, images: await repository.layers.images(record.layers) };
}

async function recordStart({ containers, operations }: Repository, record: ContainerRecord, command: string): Promise<void> {
  if (!containers.isFresh(record)) return;
  const { id, base } = record;
  await operations.append({ command, refs: [], trees: [{ target: { kind: "container", id }, before: base, after: base }] });
}

/** A commit made while it ran, or a branch moved by hand, leaves the container on an older base. */
async function standOnHead(repository: Repository, id: string): Promise<ContainerRecord> {
  const target = findTarget(repository, id) as ContainerTarget;
  requireStopped(target, "start");
  const { commit } = await headOf(repository, target);
  if (commit === undefined || commit === target.record.base) return target.record;
  const trees = await openLiveTree(repository, target);
  try {
    const unchanged = (await compareTrees(trees.committed, trees.live)).length === 0;
    const saved = unchanged ? undefined : await saveLive(repository, trees, `not committed in ${target.record.name}`);
    await repository.history.updateRefs(await keepSaved(repository, saved?.id));
    await becomeTree(repository, target, trees, saved?.id ?? commit);
  } finally {
    trees.close();
  }
  return repository.containers.find(id).record;
}

/**
 * Takes back a container whose process could not be started, so that the command that made it has left nothing.
 *
 * @param command What the person typed, for the operation log.
 * @returns Whether it is gone: not when a process has run in it, which may have written something.
 */
export async function withdrawContainer(
  repository: Repository,
  { id }: { readonly id: string },
  command: string,
): Promise<boolean> {
  return repository.exclusively(async () => {
    const target = findTarget(repository, id) as ContainerTarget;
    if (target.state !== "created") return false;
    const refs = await branchThatGoes(repository, target);
    const made = await creationOf(repository, id);
    await repository.history.updateRefs(refs);
    repository.containers.remove(target.record);
    repository.containers.removeVolumes(target.record);
    if (made !== undefined) await repository.operations.append({ command, refs, trees: [removalOf(target)], undoes: made.id });
    return true;
  });
}

/** The operation that made the container. Absent for one that was made in passing. */
async function creationOf({ operations }: Repository, id: string): Promise<Operation | undefined> {
  for await (const operation of operations.list()) {
    const made = operation.trees.some(({ target, before }) => target.kind === "container" && target.id === id && !before);
    if (made) return operation;
  }
  return undefined;
}

/** Docker's. */
const GRACE_SECONDS = 10;

/**
 * Resolves when its process is gone. Its policy does not start it again.
 * @param graceMilliseconds By default what the container was made with.
 */
export async function stopContainer(
  repository: Repository,
  record: ContainerRecord,
  graceMilliseconds: number = (record.configuration.stop?.seconds ?? GRACE_SECONDS) * 1000,
): Promise<void> {
  if (await endProcess(repository, record, graceMilliseconds)) repository.events.note(containerEvent("stop", record));
}

/** @returns Whether there was one. */
async function endProcess({ containers }: Repository, record: ContainerRecord, graceMilliseconds: number): Promise<boolean> {
  if (record.configuration.background !== undefined)
    containers.noteRestarts(record, { ...containers.restarts(record), stopped: true });
  return containers.stop(record, graceMilliseconds);
}

/**
 * Sends a signal to its process. After SIGKILL it resolves when that is gone, also of one that is paused, and no policy starts it again.
 * @throws VarveError CONTAINER_STOPPED.
 */
export async function killContainer(repository: Repository, record: ContainerRecord, signal: NodeJS.Signals): Promise<void> {
  repository.containers.kill(record, signal);
  if (signal === "SIGKILL") await endProcess(repository, record, 0);
}

/** Stops a container of the background, and starts it again. @throws VarveError what `startInBackground` throws. */
export async function restartContainer(
  repository: Repository,
  record: ContainerRecord,
  { graceMilliseconds, command }: { readonly graceMilliseconds: number | undefined; readonly command: string },
): Promise<void> {
  await stopContainer(repository, record, graceMilliseconds);
  await startInBackground(repository, record, { command });
  repository.events.note(containerEvent("restart", record));
}

export interface RemoveOptions {
  readonly command: string;
  /** Stops a running one first. */
  readonly force?: boolean;
  /** Keeps nothing: `undo` can't bring it back. */
  readonly forget?: boolean;
  /** They were made so, too: no log knows of them. Keeps nothing either. */
  readonly passing?: boolean;
  /** Their volumes without a name go, too, which nothing brings back. */
  readonly volumes?: boolean;
}

/**
 * Removes containers, as one operation. What they hold beyond their HEADs is saved first; a branch that was made for one and has no commit of its own
 * goes too.
 *
 * @throws VarveError CONTAINER_RUNNING; then none is removed.
 */
export async function removeContainers(
  repository: Repository,
  ids: readonly { readonly id: string }[],
  options: RemoveOptions,
): Promise<void> {
  const distinct = [...new Set(ids.map(({ id }) => id))];
  if (options.force === true) for (const id of distinct) await endProcess(repository, repository.containers.find(id).record, 0);
  await repository.exclusively(async () => {
    // One that goes with its process may be gone by now.
    const there = new Set(repository.containers.list().map(({ record }) => record.id));
    const left = distinct.filter((id) => there.has(id) || options.force !== true);
    const targets = left.map((id) => findTarget(repository, id) as ContainerTarget);
    for (const target of targets) requireStopped(target, "remove");
    // A throw-away one, that a killed command left, was never to be kept.
    const isForgotten = ({ record }: ContainerTarget): boolean =>
      options.forget === true || options.passing === true || record.branch.startsWith(PASSING);
    const [forgotten, recorded] = [targets.filter(isForgotten), targets.filter((target) => !isForgotten(target))];
    if (recorded.length > 0) await recordRemoval(repository, recorded, options.command);
    await forgetContainers(repository, forgotten, options);
    for (const { record } of options.volumes === true ? targets : []) repository.containers.removeVolumes(record);
  });
}

/** With a container its branch is removed, when it was made for it and holds no commit of its own. */
async function branchThatGoes(repository: Repository, target: ContainerTarget): Promise<readonly RefUpdate[]> {
  const { branch: name, branchMadeAt } = target.record;
  const { commit } = await headOf(repository, target);
  return commit !== undefined && branchMadeAt === commit ? [{ name, before: commit, after: undefined }] : [];
}

async function recordRemoval(repository: Repository, targets: readonly ContainerTarget[], command: string): Promise<void> {
  const [refs, updates, progress]: [RefUpdate[], TreeUpdate[], ProgressUpdate[]] = [[], [], []];
  for (const target of targets) {
    refs.push(...(await branchThatGoes(repository, target)));
    const begun = repository.inProgress.read(target.record.id);
    if (begun !== undefined) progress.push({ slot: target.record.id, before: begun, after: undefined });
    const trees = await openLiveTree(repository, target);
    try {
      const saved = (await saveLive(repository, trees, `before ${command}`))?.id;
      refs.push(...(await keepSaved(repository, saved)));
      const container = target.record as unknown as Record<string, unknown>;
      const before = saved ?? trees.head.commit;
      updates.push({ target: { kind: "container", id: target.record.id }, before, after: undefined, container });
    } finally {
      trees.close();
    }
  }
  const acts = targets.map(({ record }, at) => ({
    act: async (): Promise<void> => repository.containers.remove(record),
    takeBack: () => putBack(repository, record, updates[at]?.before ?? record.base),
  }));
  await performOperation(repository, { command, refs, trees: updates, ...(progress.length > 0 && { progress }) }, acts);
}

/** Nothing is left that `undo` could bring back, nor a making of theirs that it could take back. */
async function forgetContainers(
  repository: Repository,
  targets: readonly ContainerTarget[],
  { command, passing = false }: RemoveOptions,
): Promise<void> {
  for (const target of targets) {
    const refs = await branchThatGoes(repository, target);
    const made = passing ? undefined : await creationOf(repository, target.record.id);
    await repository.history.updateRefs(refs, undefined, passing);
    repository.inProgress.write(target.record.id, undefined);
    repository.containers.remove(target.record, passing);
    if (made !== undefined) await repository.operations.append({ command, refs, trees: [removalOf(target)], undoes: made.id });
  }
}

function removalOf({ record: { id, base } }: ContainerTarget): TreeUpdate {
  return { target: { kind: "container", id }, before: base, after: undefined };
}

/** @throws VarveError BAD_NAME. */
export function requireContainerName(name: string): void {
  if (CONTAINER_NAME.test(name) && !name.endsWith(".lock") && !name.endsWith(".") && !name.includes("..")) return;
  throw new VarveError(
    "BAD_NAME",
    `Cannot name a container "${name}": letters, digits, "_", "." and "-" are allowed, a letter or digit first`,
  );
}

function requireNameFree({ containers }: Repository, name: string): void {
  if (!containers.list().some(({ record }) => record.name === name)) return;
  throw new VarveError("NAME_TAKEN", `Cannot make container "${name}": there is one of that name`, {
    hint: `Go on with it (varve start ${name}), remove it (varve rm ${name}), or give another --name.`,
  });
}

function branchElsewhere(branch: RefName, at: CommitId, { name, commit }: CreateOptions): VarveError {
  const short = branch.replace("refs/heads/", "");
  return new VarveError(
    "CONFLICT",
    `Cannot put container "${name}" on branch "${short}": it stands at ${at.slice(0, 12)}, not ${commit.slice(0, 12)}`,
    {
      hint: `Run ${short} itself to go on from there, or name another branch with -b.`,
    },
  );
}
