export const EVENT_TYPES = ["container", "branch", "tag", "operation", "store"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Something that happened to a container, or in the store. */
export interface StoreEvent {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly type: EventType;
  /** `start`, `die`; of an operation the command: `commit`. */
  readonly action: string;
  /** Of a container or operation its own; of a branch or tag that of the commit it leads to, or led to. */
  readonly id: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of a container. */
  readonly labels: Readonly<Record<string, string>>;
}

export type EventDraft = Omit<StoreEvent, "time">;

/** What happened to containers, and what no operation tells of. The operation log has the rest. */
export interface Events {
  /**
   * Notes what has just happened. Nothing is read and nothing made durable: it must cost nearly nothing. What can't be written is told once and lost;
   * a command never fails by it. Of old ones only a bounded number is kept.
   */
  note(event: EventDraft): void;
  /** @param from Whether what was noted until now is read, too. @throws VarveError. */
  open(from: "beginning" | "end"): EventReading;
}

export interface EventReading {
  /** What was noted since the last call, in that order. What is no event is passed over. @throws VarveError. */
  read(): Iterable<StoreEvent>;
  /**
   * Waits until something may have been noted, or logged as an operation; at most so long.
   * @returns False when it is time to end: a signal came, or nobody reads this process's standard output any more.
   */
  wait(milliseconds: number): Promise<boolean>;
  close(): void;
}
