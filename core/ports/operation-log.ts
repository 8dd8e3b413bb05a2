import type { ByteString } from "../model/byte-string.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { RefUpdate } from "./history.js";
import type { ProgressUpdate } from "./work-in-progress.js";

/** One thing that a command did, with all that is needed to take it back. */
export interface Operation {
  /** 12 lower-case hex digits, never used twice in one log. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** What a person typed: `rollback main~2`. */
  readonly command: string;
  readonly refs: readonly RefUpdate[];
  /** Trees of containers and tracked directories that changed other than by the process in them. */
  readonly trees: readonly TreeUpdate[];
  /** HEAD's branch before and after, when it changed. */
  readonly head?: { readonly before: RefName; readonly after: RefName };
  /** Merges, rebases and the like that were begun, went on or ended. */
  readonly progress?: readonly ProgressUpdate[];
  /** Paths that were taken out of history: what only they held is gone once garbage collection has been there. */
  readonly forgets?: readonly ByteString[];
  /** The operation that this one took back. */
  readonly undoes?: string;
}

export interface TreeUpdate {
  readonly target: { readonly kind: "directory" } | { readonly kind: "container"; readonly id: string };
  /** A commit that holds the tree as it was, byte for byte; `undefined`: there was no such container. */
  readonly before: CommitId | undefined;
  /** The commit whose tree it was made; `undefined`: the container was removed. */
  readonly after: CommitId | undefined;
  /** The container's record as JSON, for a container that was made or removed. */
  readonly container?: Readonly<Record<string, unknown>>;
}

/** Append-only. Each operation is durable before `append` resolves. */
export interface OperationLog {
  append(operation: Omit<Operation, "id" | "time">): Promise<Operation>;
  /** Newest first. A torn last record, left by a crash, is no operation and is passed over. */
  list(): AsyncIterable<Operation>;
}
