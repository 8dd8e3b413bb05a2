import type { CommitId } from "../model/ids.js";

/** What a command began and a later one ends: `merge --continue`, `rebase --abort`, `bisect good`. */
export interface Progress {
  readonly kind: "merge" | "cherry-pick" | "revert" | "rebase" | "bisect";
  /** What it needs to go on, whatever the refs do meanwhile: garbage collection keeps them. */
  readonly commits: readonly CommitId[];
  /** JSON that the command alone reads, and checks as it reads it: docs/on-disk-format.md, section 6.1. */
  readonly state: Readonly<Record<string, unknown>>;
}

/** Whose work it is: `directory` for the tracked one, a container's id, or `bisect` for the store's search for a commit. */
export type ProgressSlot = string;

export interface ProgressUpdate {
  readonly slot: ProgressSlot;
  /** `undefined`: there was nothing in progress. */
  readonly before: Progress | undefined;
  readonly after: Progress | undefined;
}

/** At most one thing in progress a slot. Written under the store's lock. */
export interface WorkInProgress {
  /** @throws VarveError STORE_DAMAGED when what is kept is not readable, or no progress. */
  read(slot: ProgressSlot): Progress | undefined;
  /** Durable when it returns: the old or the new, never a part. `undefined` ends it. */
  write(slot: ProgressSlot, progress: Progress | undefined): void;
  /** By slot, in byte order. @throws VarveError STORE_DAMAGED. */
  list(): readonly { readonly slot: ProgressSlot; readonly progress: Progress }[];
}
