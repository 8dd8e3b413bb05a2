import type { CommitId, LayerId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { Isolation } from "./isolation.js";
import type { LayerImageFile } from "./layer-store.js";

export interface RunConfiguration extends Isolation {
  readonly command: readonly string[];
  /** `NAME=value`. */
  readonly environment: readonly string[];
  /** Absolute, within the container. */
  readonly workingDirectory: string;
  /** `user[:group]`, names or numbers, as docker's `-u`. */
  readonly user: string;
  readonly hostname: string;
  readonly network: "none" | "host";
  readonly terminal: boolean;
  readonly interactive: boolean;
  readonly readOnly: boolean;
  readonly volumes: readonly Volume[];
  readonly limits: { readonly memoryBytes?: number; readonly processes?: number; readonly cpus?: number };
}

export interface Volume {
  /** Absolute, on the host; it must exist. Of a named volume its name. */
  readonly source: string;
  /** Absolute, within the container. */
  readonly destination: string;
  readonly readOnly: boolean;
  /** One of the store's own, which is made where it is missing. */
  readonly named?: boolean;
  /** Leaves a named volume that is empty so, where it would get what the image holds at its place. */
  readonly noCopy?: boolean;
  /** Whether what is mounted in the source later on is seen, too. By default `rprivate`: it is not. */
  readonly propagation?: "private" | "rprivate" | "slave" | "rslave";
  /** Leaves out what is mounted within the source. */
  readonly shallow?: boolean;
}

/** Docker's rule, so that every name is also a branch's, and a word that people type. */
export const CONTAINER_NAME: RegExp = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** What is kept of a container in `containers/<id>/container.json`. */
export interface ContainerRecord {
  /** 12 lower-case hex digits. */
  readonly id: string;
  readonly name: string;
  readonly branch: RefName;
  /** Where the branch began, when it was made for this container: one that still stands there goes with the container. */
  readonly branchMadeAt?: CommitId | undefined;
  /** The commit that the overlay stands on. HEAD, which is the branch's commit, may have gone on. */
  readonly base: CommitId;
  /** The layers of `base`, newest first, so that no history is read to mount it. */
  readonly layers: readonly LayerId[];
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly configuration: RunConfiguration;
  /** Of the process that ended last. */
  readonly exitCode?: number;
}

/** `created`: no process has ever run in it. */
export type ContainerState = "created" | "running" | "paused" | "stopped";

export interface ContainerStatus {
  readonly record: ContainerRecord;
  /** Told by the system, not by what was written down: true after a kill -9 of ours and after a reboot. */
  readonly state: ContainerState;
  /** The process's id on the host, while there is one. */
  readonly pid: number | undefined;
}

export interface ProcessResult {
  readonly exitCode: number;
  readonly durationMilliseconds: number;
}

/** Containers on this machine, kept below the store. */
export interface Containers {
  /** @throws VarveError NAME_TAKEN. */
  create(record: ContainerRecord): void;
  /** By ascending time of creation. */
  list(): readonly ContainerStatus[];
  /** By name, id or an id's prefix. @throws VarveError TARGET_UNKNOWN. */
  find(nameOrId: string): ContainerStatus;

  /** Whether nothing stands above the container's base: no process has run in it since it was made, committed or rolled back. */
  isFresh(record: ContainerRecord): boolean;

  /** What is wrong with how a container is kept, as text that tells all; `undefined` when nothing is, or it is not there. */
  fault(id: string): string | undefined;

  /** Base and upper as one tree, read from the upper directory without a mount. @param base The tree of `record.base`. @throws VarveError INTERRUPTED. */
  openTree(record: ContainerRecord, base: Tree): Promise<Tree>;

  /**
   * The container stands on another commit from now on, with nothing written above it. Crash-safe: before or after, never between.
   * @throws VarveError CONTAINER_RUNNING.
   */
  rebase(record: ContainerRecord, base: CommitId, layers: readonly LayerId[]): ContainerRecord;

  /** Writes changed parts of a record (name, branch, configuration). */
  update(record: ContainerRecord, changes: Partial<Omit<ContainerRecord, "id">>): ContainerRecord;

  /**
   * Mounts, starts the process on this terminal's input and output, waits for its end and unmounts, whatever happens.
   *
   * @param images The images of `record.layers`, in their order.
   * @throws VarveError RUNTIME_MISSING, RUNTIME_FAILED, MOUNT_UNAVAILABLE, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
   *   CONTAINER_RUNNING; CONFLICT when it stands on another commit than `record` says.
   */
  run(record: ContainerRecord, images: readonly LayerImageFile[]): Promise<ProcessResult>;

  /** Terminate, then kill after the grace period. Resolves when the process is gone. Stopping a stopped one does nothing. */
  stop(record: ContainerRecord, graceMilliseconds: number): Promise<void>;

  /** Runs `work` with the container's processes frozen, when there are any. They thaw even when `work` fails. */
  whilePaused<T>(record: ContainerRecord, work: () => Promise<T>): Promise<T>;

  /** @throws VarveError CONTAINER_RUNNING. May be repeated. */
  remove(record: ContainerRecord): void;
}
