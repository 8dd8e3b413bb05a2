import { VarveError } from "../errors.js";
import type { Effect, Operation, OperationLog } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";
import { treeKey } from "./earlier-state.js";
import { findOperation, ROOT } from "./find-operation.js";
import { operationStates, type OperationState } from "./operation-states.js";
import { isNotSaved } from "./record-operation.js";
import { planRevert, type RevertPlan } from "./plan-revert.js";
import { revertEffect, type Reverted, type RevertOptions } from "./revert-effect.js";

export interface UndoResult extends Reverted {
  /** What was taken back. */
  readonly undone: Operation;
}

export interface UndoOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
  /** Which operation: see findOperation. By default the newest that is in effect. */
  readonly operation?: string | undefined;
}

/**
 * Takes back an operation. Of one that took another back the other is in effect again.
 *
 * @throws VarveError NOTHING_TO_UNDO, OPERATION_UNKNOWN; CONFLICT when something newer changed the same, or a ref has moved on by other means; and
 *   what revertEffect throws.
 */
export async function undoOperation(repository: Repository, { command, operation }: UndoOptions): Promise<UndoResult> {
  return repository.exclusively(async () => {
    const undone = await undoable(repository, operation);
    return takeBack(repository, undone, { command, kind: "undo" });
  });
}

/**
 * Takes back the newest undo that nothing newer contradicts: what it had taken back is in effect again.
 * @throws VarveError NOTHING_TO_UNDO; CONFLICT and what revertEffect throws.
 */
export async function redoOperation(repository: Repository, { command }: Pick<UndoOptions, "command">): Promise<UndoResult> {
  return repository.exclusively(async () => {
    const undo = await newestRedoable(repository.operations);
    const { undone, ...reverted } = await takeBack(repository, undo, { command, kind: "redo" });
    const redone = await operationOf(repository.operations, undone.undoes);
    return { ...reverted, undone: redone ?? undone };
  });
}

export interface UndoPlan extends RevertPlan {
  /** What would be taken back. */
  readonly undone: Operation;
}

/** What `undoOperation` would do: nothing is written. @throws VarveError as it does. */
export async function planUndo(repository: Repository, { operation }: Pick<UndoOptions, "operation">): Promise<UndoPlan> {
  return repository.exclusively(async () => planTakingBack(repository, await undoable(repository, operation), "undo"));
}

/** What `redoOperation` would do: nothing is written. @throws VarveError as it does. */
export async function planRedo(repository: Repository): Promise<UndoPlan> {
  return repository.exclusively(async () => {
    const undo = await newestRedoable(repository.operations);
    const plan = await planTakingBack(repository, undo, "redo");
    return { ...plan, undone: (await operationOf(repository.operations, undo.undoes)) ?? undo };
  });
}

async function planTakingBack(repository: Repository, undone: Operation, kind: "undo" | "redo"): Promise<UndoPlan> {
  return { undone, ...(await planRevert(repository, undone, taskOf(repository, undone, kind))) };
}

async function undoable(repository: Repository, operation: string | undefined): Promise<Operation> {
  return operation === undefined ? newestUndoable(repository.operations) : named(repository, operation);
}

function taskOf({ operations }: Repository, undone: Operation, kind: "undo" | "redo"): Pick<RevertOptions, "task" | "wayOut"> {
  return { task: `${kind} "${undone.command}" of ${undone.time}`, wayOut: () => wayBack(operations, undone) };
}

async function takeBack(
  repository: Repository,
  undone: Operation,
  { command, kind }: { readonly command: string; readonly kind: "undo" | "redo" },
): Promise<UndoResult> {
  const options = { command, kind, undoes: undone.id, ...taskOf(repository, undone, kind) };
  return { undone, ...(await revertEffect(repository, undone, options)) };
}

/** A ref that something else has moved makes it impossible to take back this one alone. */
async function wayBack(log: OperationLog, { id }: Operation): Promise<string> {
  let found = false;
  let before = ROOT;
  for await (const operation of log.list()) {
    if (found) {
      before = operation.id;
      break;
    }
    found = operation.id === id;
  }
  return `Git, or a newer operation, moved it. All as it stood before this operation, and before those after it: varve op restore ${before} (undo takes that back, too). Another operation alone: varve undo ID.`;
}

async function newestUndoable(log: OperationLog): Promise<Operation> {
  for await (const { operation, live } of operationStates(log)) if (live && operation.undoes === undefined) return operation;
  throw new VarveError("NOTHING_TO_UNDO", "Cannot undo: the operation log holds nothing that is not undone already", {
    hint: "Commands that change branches, tags, containers or tracked directories can be undone.",
  });
}

async function named({ operations }: Repository, word: string): Promise<Operation> {
  const { found, newer } = await findOperation(operations, word);
  if (found === undefined) throw notUndoable(word, "there is nothing before the first operation");
  const { operation, live } = found;
  if (!live) throw notUndoable(word, "it is taken back already", "`varve op log` marks those that are.");
  if (operation.undoes !== undefined && operation.kind === undefined)
    throw notUndoable(word, "it only took back what had failed");
  const contradicting = newest(newer, operation);
  if (contradicting === undefined) return operation;
  throw new VarveError("CONFLICT", `Cannot undo "${operation.command}": "${contradicting.command}" changed the same since`, {
    hint: `Undo that first: varve undo ${contradicting.id}. All as it stood before: varve op restore ID, where \`varve op log\` tells ID.`,
  });
}

function notUndoable(word: string, why: string, hint?: string): VarveError {
  return new VarveError("NOTHING_TO_UNDO", `Cannot undo operation "${word}": ${why}`, { hint });
}

function newest(newer: readonly OperationState[], than: Operation): Operation | undefined {
  const since = new Since();
  for (const state of newer) since.add(state);
  return since.contradicting(than);
}

async function newestRedoable(log: OperationLog): Promise<Operation> {
  const since = new Since();
  for await (const state of operationStates(log)) {
    const { operation, live } = state;
    if (live && operation.kind === "undo" && since.contradicting(operation) === undefined) return operation;
    since.add(state);
  }
  throw new VarveError("NOTHING_TO_UNDO", "Cannot redo: no undo is left that nothing newer contradicts", {
    hint: "`varve op log` lists what was done, and `varve undo ID` takes back any of it, an undo too.",
  });
}

/** What newer operations add up to. Given newest first; one that is newer than both an operation and what took it back sees nothing of them. */
class Since {
  /** By the id of what they took back, else by their own. */
  readonly #operations = new Map<string, Operation>();

  add({ operation, live }: OperationState): void {
    if (live) this.#operations.set(operation.undoes ?? operation.id, operation);
    else this.#operations.delete(operation.id);
  }

  contradicting(operation: Operation): Operation | undefined {
    const touched = touchedBy(operation);
    return [...this.#operations.values()].find((newer) => [...touchedBy(newer)].some((key) => touched.has(key)));
  }
}

function touchedBy(effect: Effect): ReadonlySet<string> {
  const { refs, trees, head, standings = [], names = [], limits = [], upstreams = [], progress = [] } = effect;
  // With a container its record comes and goes, whose name and limits are those of that time.
  const records = trees
    .filter(({ before, after }) => before === undefined || after === undefined)
    .map(({ target }) => treeKey(target));
  return new Set([
    ...refs.filter(isNotSaved).map(({ name }) => name),
    ...trees.map(({ target }) => `tree ${treeKey(target)}`),
    ...(head === undefined ? [] : ["HEAD"]),
    ...standings.map(({ container }) => `standing ${container}`),
    ...[...names.map(({ container }) => container), ...records].map((container) => `name ${container}`),
    ...[...limits.map(({ container }) => container), ...records].map((container) => `limits ${container}`),
    ...upstreams.map(({ branch }) => `upstream ${branch}`),
    ...progress.map(({ slot }) => `progress ${slot}`),
  ]);
}

async function operationOf(log: OperationLog, id: string | undefined): Promise<Operation | undefined> {
  for await (const operation of log.list()) if (operation.id === id) return operation;
  return undefined;
}
