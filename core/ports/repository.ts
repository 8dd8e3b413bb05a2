import type { Archives } from "./archives.js";
import type { Blobs } from "./blobs.js";
import type { Containers } from "./containers.js";
import type { Events } from "./events.js";
import type { Histories } from "./histories.js";
import type { History } from "./history.js";
import type { Images } from "./images.js";
import type { LayerStore } from "./layer-store.js";
import type { MachineFiles } from "./machine-files.js";
import type { OperationLog } from "./operation-log.js";
import type { PlainDirectories } from "./plain-directories.js";
import type { WorkInProgress } from "./work-in-progress.js";
import type { Registries } from "./registries.js";
import type { TreeForms } from "./tree-forms.js";
import type { Worktree } from "./worktree.js";

/** One store, opened: what every operation of core gets as its first argument. Made by cli/open-repository.ts alone. */
export interface Repository {
  /** The store's directory, absolute. */
  readonly path: string;
  readonly layers: LayerStore;
  readonly history: History;
  readonly operations: OperationLog;
  readonly containers: Containers;
  readonly events: Events;
  readonly inProgress: WorkInProgress;
  readonly directories: PlainDirectories;
  readonly archives: Archives;
  readonly forms: TreeForms;
  readonly images: Images;
  readonly blobs: Blobs;
  readonly histories: Histories;
  readonly registries: Registries;
  readonly machine: MachineFiles;
  /** Absent for a shared store. */
  readonly worktree: Worktree | undefined;

  /**
   * Runs `work` alone among the commands that change this store. Waits for another one's end, and says on stderr whom it waits for.
   * Held by the kernel, so that a killed process never holds it. Not re-entrant. What a killed one left half-way is brought to its end first.
   *
   * @throws VarveError STORE_LOCKED when it is held and not to be waited for.
   */
  exclusively<T>(work: () => Promise<T>, options?: { readonly wait?: boolean }): Promise<T>;
}
