import { VarveError } from "../errors.js";
import type { Operation, OperationLog } from "../ports/operation-log.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";
import { operationStates, type OperationState } from "./operation-states.js";

/** What stood before the first operation that is logged. */
export const ROOT = "root";

export interface FoundOperation {
  /** Absent for `root`. */
  readonly found: OperationState | undefined;
  /** Newest first. */
  readonly newer: readonly OperationState[];
}

const ID_DIGITS = 12;
const SHORTEST_PREFIX = 4;
const CANDIDATES = 5;

/**
 * Finds an operation by what a person types: an id or the first digits of one, `@` for the newest, `@{N}` for N before it, `root` for what stood
 * before all of them.
 *
 * @throws VarveError OPERATION_UNKNOWN; STORE_DAMAGED when the log is damaged before it.
 */
export async function findOperation(log: OperationLog, word: string): Promise<FoundOperation> {
  const count = /^@(?:\{(\d{1,9})\})?$/.exec(word);
  if (count !== null) return atPlace(log, Number(count[1] ?? 0), word);
  if (word === ROOT) return { found: undefined, newer: await allStates(log) };
  const prefix = word.toLowerCase();
  if (!/^[0-9a-f]{1,12}$/.test(prefix)) throw unknown(word, "that is no operation's id");
  if (prefix.length < SHORTEST_PREFIX) throw unknown(word, `an id is given by ${SHORTEST_PREFIX} digits at least`);
  return byPrefix(log, prefix, word);
}

async function byPrefix(log: OperationLog, prefix: string, word: string): Promise<FoundOperation> {
  const newer: OperationState[] = [];
  const matches: { state: OperationState; at: number }[] = [];
  for await (const state of operationStates(log)) {
    if (isTurnDue()) await yieldToSignals();
    if (state.operation.id.startsWith(prefix)) matches.push({ state, at: newer.length });
    if (prefix.length === ID_DIGITS && matches.length > 0) break;
    newer.push(state);
  }
  const [match, other] = matches;
  if (match === undefined) throw unknown(word, "there is none");
  if (other !== undefined)
    throw ambiguous(
      word,
      matches.map(({ state }) => state.operation),
    );
  return { found: match.state, newer: newer.slice(0, match.at) };
}

async function atPlace(log: OperationLog, place: number, word: string): Promise<FoundOperation> {
  const newer: OperationState[] = [];
  for await (const state of operationStates(log)) {
    if (newer.length === place) return { found: state, newer };
    newer.push(state);
  }
  throw unknown(word, `the log holds ${newer.length}`);
}

async function allStates(log: OperationLog): Promise<readonly OperationState[]> {
  const states: OperationState[] = [];
  for await (const state of operationStates(log)) states.push(state);
  return states;
}

function unknown(word: string, why: string): VarveError {
  return new VarveError("OPERATION_UNKNOWN", `Cannot find operation "${word}": ${why}`, {
    hint: "`varve op log` lists them. @ is the newest, @{1} the one before it, root what stood before all of them.",
  });
}

function ambiguous(word: string, found: readonly Operation[]): VarveError {
  const lines = found.slice(0, CANDIDATES).map(({ id, command }) => `  ${id} ${command}`);
  return new VarveError("OPERATION_UNKNOWN", `Cannot find operation "${word}": several begin so`, {
    hint: `Give more digits. Candidates:\n${lines.join("\n")}`,
  });
}
