import { VarveError } from "../errors.js";
import { operationEvents } from "../events/operation-events.js";
import type { StoreEvent } from "../ports/events.js";
import type { Operation, OperationLog } from "../ports/operation-log.js";
import type { Repository } from "../ports/repository.js";

export interface EventQuery {
  /** Milliseconds since 1970. Without it and without `until` nothing of what was is told, unless the past is all that is asked for. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Goes on until `until`, a signal, or the end of who reads. */
  readonly follow: boolean;
  /** Told when the operation log is damaged: what is older is missing then. */
  readonly onDamage: (error: VarveError) => void;
}

/** What happened to containers, as it was noted, and in the store, as the operation log has it; by time, as far as it is known at once. */
export async function* watchEvents(
  { events, operations }: Pick<Repository, "events" | "operations">,
  { since, until = Infinity, follow, onDamage }: EventQuery,
): AsyncGenerator<StoreEvent> {
  const isPast = !follow || since !== undefined || until !== Infinity;
  const reading = events.open(isPast ? "beginning" : "end");
  const log = new OperationTail(operations, onDamage);
  const isWanted = ({ time }: StoreEvent): boolean => Date.parse(time) >= (since ?? -Infinity) && Date.parse(time) < until;
  try {
    const past = await log.read(isPast ? (since ?? -Infinity) : Infinity);
    for (let batch = past; ; batch = await log.read()) {
      // Asked before the look: what comes until then is seen for sure.
      const isOver = !follow || Date.now() >= until;
      for (const event of byTime(reading.read(), batch)) if (isWanted(event)) yield event;
      if (isOver || !(await reading.wait(until - Date.now()))) return;
    }
  } finally {
    reading.close();
  }
}

/** Two lists in one. */
function* byTime(noted: Iterable<StoreEvent>, logged: readonly StoreEvent[]): Generator<StoreEvent> {
  let next = 0;
  for (const event of noted) {
    for (const time = Date.parse(event.time); next < logged.length && Date.parse(logged[next]!.time) <= time; next++)
      yield logged[next]!;
    yield event;
  }
  yield* logged.slice(next);
}

/** The operation log, read as it grows. */
class OperationTail {
  readonly #log: OperationLog;
  readonly #onDamage: EventQuery["onDamage"];
  #newest: string | undefined;

  constructor(log: OperationLog, onDamage: EventQuery["onDamage"]) {
    this.#log = log;
    this.#onDamage = onDamage;
  }

  /** @param since How far back, in milliseconds since 1970, at the first call. @returns What was logged since the last, oldest first. */
  async read(since = -Infinity): Promise<readonly StoreEvent[]> {
    const found: (readonly StoreEvent[])[] = [];
    const last = this.#newest;
    for await (const operation of this.#operations()) {
      if (operation.id === last) return found.reverse().flat();
      if (found.length === 0) this.#newest = operation.id;
      if (Date.parse(operation.time) < since) break;
      found.push(operationEvents(operation));
    }
    // The log was written anew, by a repair: all of it was told.
    return last === undefined ? found.reverse().flat() : [];
  }

  async *#operations(): AsyncGenerator<Operation> {
    try {
      yield* this.#log.list();
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== "STORE_DAMAGED") throw error;
      this.#onDamage(error);
    }
  }
}
