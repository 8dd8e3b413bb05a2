import type { ByteString } from "../model/byte-string.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Limits } from "./container-limits.js";
import type { RefUpdate } from "./history.js";
import type { ProgressUpdate } from "./work-in-progress.js";

/** What an operation changed: all that is needed to take it back. */
export interface Effect {
  readonly refs: readonly RefUpdate[];
  /** Trees of containers and tracked directories that changed other than by the process in them. */
  readonly trees: readonly TreeUpdate[];
  /** HEAD's branch before and after, when it changed. */
  readonly head?: Moved<RefName> | undefined;
  /** Containers that were put on another branch. */
  readonly standings?: readonly StandingUpdate[] | undefined;
  /** Containers that got another name. */
  readonly names?: readonly NameUpdate[] | undefined;
  /** Containers that got other limits. */
  readonly limits?: readonly LimitsUpdate[] | undefined;
  /** Branches that follow another one than before. */
  readonly upstreams?: readonly UpstreamUpdate[] | undefined;
  /** Merges, rebases and the like that were begun, went on or ended. */
  readonly progress?: readonly ProgressUpdate[] | undefined;
}

export interface Moved<T> {
  readonly before: T;
  readonly after: T;
}

/** One thing that a command did. */
export interface Operation extends Effect {
  /** 12 lower-case hex digits, never used twice in one log. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** `Name <email>` of whoever did it. Absent in records of before it was noted. */
  readonly user?: string | undefined;
  /** What a person typed: `rollback main~2`. */
  readonly command: string;
  /** Paths that it took out of history: what only they held is gone once garbage collection has been there. */
  readonly forgets?: readonly ByteString[] | undefined;
  /** The operation that this one took back. */
  readonly undoes?: string | undefined;
  /** What took others back because a person asked for it; absent where a command only took back its own failure. */
  readonly kind?: "undo" | "redo" | "restore" | undefined;
}

export type OperationDraft = Omit<Operation, "id" | "time" | "user">;

export interface TreeUpdate {
  /** Of this machine's root the commits hold those paths alone that were changed, and the directories that lead to them. */
  readonly target:
    { readonly kind: "directory" } | { readonly kind: "machine" } | { readonly kind: "container"; readonly id: string };
  /** A commit that holds the tree as it was, byte for byte; `undefined`: there was no such container. */
  readonly before: CommitId | undefined;
  /** The commit whose tree it was made; `undefined`: the container was removed. */
  readonly after: CommitId | undefined;
  /** The container's record as JSON, for a container that was made or removed. */
  readonly container?: Readonly<Record<string, unknown>>;
}

/** Where a container stands, and what of the branch goes with the container. */
export interface Standing {
  readonly branch: RefName;
  /** See ContainerRecord.branchMadeAt. */
  readonly branchMadeAt?: CommitId | undefined;
}

export interface StandingUpdate extends Moved<Standing> {
  /** The container's id. */
  readonly container: string;
}

export interface NameUpdate extends Moved<string> {
  /** The container's id. */
  readonly container: string;
}

export interface LimitsUpdate extends Moved<Limits> {
  /** The container's id. */
  readonly container: string;
}

export interface UpstreamUpdate extends Moved<RefName | undefined> {
  readonly branch: RefName;
}

/** Append-only. Each operation is durable before `append` resolves. */
export interface OperationLog {
  append(operation: OperationDraft): Promise<Operation>;
  /** Newest first. A torn last record, left by a crash, is no operation and is passed over. @throws VarveError STORE_DAMAGED. */
  list(): AsyncIterable<Operation>;

  /**
   * Notes that the next operation to be logged changes trees after it was logged. Until `settle` it counts as begun, also when this process is
   * killed. The store's lock is held by the caller.
   */
  begin(): Promise<void>;
  settle(): Promise<void>;

  /**
   * Notes durably what is about to be moved in several steps, and logged. Until `withdraw` it counts as begun, also when this process is killed.
   * The store's lock is held by the caller.
   */
  intend(operation: OperationDraft): Promise<void>;
  withdraw(): Promise<void>;
  /** With the store's lock held, what a killed process intended and did not log. @throws VarveError STORE_DAMAGED. */
  intended(): Promise<OperationDraft | undefined>;

  /** Whether one was begun and not settled, or intended and not withdrawn: cheap, for every command to ask. */
  isUnsettled(): boolean;
  /** With the store's lock held, what a killed process logged and may not have brought to its end. @throws VarveError STORE_DAMAGED. */
  interrupted(): Promise<Operation | undefined>;
}
