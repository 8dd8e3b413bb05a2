import { VarveError } from "../../core/errors.js";
import type { EventReading, Events, StoreEvent } from "../../core/ports/events.js";
import { interruptionSignal } from "../../core/yield-to-signals.js";
import { hasReader } from "../../linux/poll.js";
import { now } from "../clock.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { appendLine } from "./append-event.js";
import { DirectoryChanges } from "./directory-changes.js";
import { encodeEvent } from "./event-line.js";
import { EventReader } from "./read-events.js";

const STDOUT = 1;

/**
 * `operations/events`: docs/on-disk-format.md, section 6.2.
 * @param onFault Told once what keeps events from being written.
 */
export function fileEvents(layout: StoreLayout, onFault: (error: VarveError) => void = () => undefined): Events {
  let isTold = false;
  return {
    note: (event) => {
      try {
        appendLine(layout.events, encodeEvent({ time: now().toISOString(), ...event }));
      } catch (error) {
        const failure = systemFailure("write events", error, layout.events);
        if (!(failure instanceof VarveError)) throw error;
        if (!isTold) onFault(failure);
        isTold = true;
      }
    },
    open: (from) => new FileReading(layout, from),
  };
}

class FileReading implements EventReading {
  readonly #file: string;
  readonly #changes: DirectoryChanges;
  readonly #reader: EventReader;

  constructor({ events, operations }: StoreLayout, from: "beginning" | "end") {
    this.#file = events;
    // The operation log stands there, too.
    this.#changes = new DirectoryChanges(operations);
    try {
      this.#reader = new EventReader(events, from);
    } catch (error) {
      this.#changes.close();
      throw systemFailure("read events", error, events);
    }
  }

  *read(): Generator<StoreEvent> {
    try {
      yield* this.#reader.read();
    } catch (error) {
      throw systemFailure("read events", error, this.#file);
    }
  }

  async wait(milliseconds: number): Promise<boolean> {
    const signal = interruptionSignal();
    await this.#changes.next(milliseconds, signal);
    return !signal.aborted && hasReader(STDOUT);
  }

  close(): void {
    this.#changes.close();
    this.#reader.close();
  }
}
