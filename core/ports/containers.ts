import type { ByteString } from "../model/byte-string.js";
import type { CommitId, LayerId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { Isolation } from "./isolation.js";
import type { ContainerProcess } from "./container-process.js";
import type { ContainerUsage } from "./container-usage.js";
import type { Limits } from "./container-limits.js";
import type { Attachment, Endpoint } from "./endpoints.js";
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
  /** `none`; `host`; `container:ID`, that of another container; or the name of a network. */
  readonly network: string;
  /** Of one on a network of ours. */
  readonly endpoint?: Endpoint;
  /** Ports that its image or a person names, whether or not anything leads to them: `80/tcp`. */
  readonly exposed?: readonly string[];
  readonly terminal: boolean;
  readonly interactive: boolean;
  readonly readOnly: boolean;
  readonly volumes: readonly Volume[];
  readonly limits: Limits;
  /** -1000 to 1000: how soon the kernel ends the process when memory is short. */
  readonly oomScoreAdjustment?: number;
  /** Of one that runs in the background: absent where its input and output are those of the command that starts it. */
  readonly background?: Background;
}

export interface Background {
  readonly restart: RestartPolicy;
  /** The container goes when its process has ended. */
  readonly removed?: true;
  /** What is kept of its output, in bytes; all of it when absent. */
  readonly logBytes?: number;
}

export const RESTART_NAMES: readonly string[] = ["no", "always", "unless-stopped", "on-failure"];

/** Docker's. `unless-stopped` and `always` differ after a restart of the machine alone. */
export type RestartPolicy =
  | { readonly name: "no" | "always" | "unless-stopped" }
  /** When the exit code is not 0; with `most`, so many times in a row. */
  | { readonly name: "on-failure"; readonly most?: number };

export interface Volume {
  /** Absolute, on the host; it must exist. Of a named volume its name. */
  readonly source: string;
  /** Absolute, within the container. */
  readonly destination: string;
  readonly readOnly: boolean;
  /** One of the store's own, which is made where it is missing. */
  readonly named?: boolean;
  /** Of a named one: nobody chose its name. It is the container's own, and goes with it when a person says so. */
  readonly anonymous?: boolean;
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
  /** Of its run a process was killed by the kernel, for want of memory. */
  readonly oomKilled?: true;
}

/** `created`: no process has ever run in it. */
export type ContainerState = "created" | "running" | "paused" | "stopped";

export interface ContainerStatus {
  readonly record: ContainerRecord;
  /** Told by the system, not by what was written down: true after a kill -9 of ours and after a reboot. */
  readonly state: ContainerState;
  /** The process's id on the host, while there is one. */
  readonly pid: number | undefined;
  /** Its place on a network, while it runs on one. */
  readonly attachment?: Attachment;
}

export interface MountedPlace {
  /** Seen from the root, without a slash before it. */
  readonly path: ByteString;
  /** What a volume shows, absolute on this machine. Absent for what was mounted otherwise, which can be read through the root alone. */
  readonly source: string | undefined;
}

export interface OpenedRoot {
  /** Leads to that directory for as long as it is open, whatever the process does. Symlinks below lead out of it, unless `ConfinedRoot` reads them. */
  readonly path: string;
  close(): void;
}

/** Some bytes of what a process wrote, from one line at most. */
export interface LogPiece {
  /** RFC 3339, with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** With its line end, where the process wrote one. */
  readonly bytes: Uint8Array;
}

export interface LogQuery {
  /** Goes on until the process ends. */
  readonly follow?: boolean;
  /** So many lines at most of what is there already. */
  readonly tail?: number | undefined;
}

export interface AttachRequest {
  /** Passes this process's standard input on. */
  readonly input: boolean;
  /** Leaves on ctrl-p ctrl-q; the container goes on. */
  readonly detachKeys: boolean;
}

/** A process besides a container's first one. */
export interface ExecConfiguration {
  readonly command: readonly string[];
  /** `NAME=value`, after the container's own. */
  readonly environment: readonly string[];
  /** Absolute, within the container; the container's own when absent. */
  readonly workingDirectory?: string;
  /** As `RunConfiguration.user`; the container's own when absent. */
  readonly user?: string;
  readonly terminal: boolean;
  readonly interactive: boolean;
  /** Nobody waits for it or reads what it writes. */
  readonly detached: boolean;
}

export interface Restarts {
  readonly count: number;
  readonly stopped: boolean;
}

export interface ProcessResult {
  readonly exitCode: number;
  readonly durationMilliseconds: number;
  /** The kernel killed a process of it, for want of memory. */
  readonly oomKilled?: true;
}

/** Containers on this machine, kept below the store. What happens to them is told as events; what is asked of them is told by operations. */
export interface Containers {
  /**
   * Volumes without a name come to be with it, where they are missing.
   * @param isPassing For one that goes with its process: not forced to the disk. A power cut may leave nothing of it, or what `remove` takes.
   * @throws VarveError NAME_TAKEN.
   */
  create(record: ContainerRecord, isPassing?: boolean): void;
  /** By ascending time of creation. */
  list(): readonly ContainerStatus[];
  /** By name, id or an id's prefix. @throws VarveError TARGET_UNKNOWN. */
  find(nameOrId: string): ContainerStatus;

  /**
   * Where something else than the container's own tree stands below its root: volumes and, while it runs, what a process in it has mounted. Without
   * what every container has of its own, such as /proc. In byte order; of a container that does not run as they were given, symlinks and all.
   */
  mountedPlaces(record: ContainerRecord): readonly MountedPlace[];

  /** The root that its process sees, held open; `undefined` when it does not run. */
  openRoot(record: ContainerRecord): OpenedRoot | undefined;

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

  /** Writes changed parts of a record (name, branch, configuration). That a name is free is seen to by the caller, who has the store's lock. */
  update(record: ContainerRecord, changes: Partial<Omit<ContainerRecord, "id">>): ContainerRecord;

  /**
   * Gives a container other limits: at once when it runs, and in its record.
   * @throws VarveError RUNTIME_FAILED when they can't be set; then neither has changed.
   */
  setLimits(record: ContainerRecord, limits: Limits): ContainerRecord;

  /**
   * Mounts, starts the process on this terminal's input and output, waits for its end and unmounts, whatever happens.
   *
   * @param images The images of `record.layers`, in their order.
   * @throws VarveError RUNTIME_MISSING, RUNTIME_FAILED, MOUNT_UNAVAILABLE, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
   *   CONTAINER_RUNNING; CONFLICT when it stands on another commit than `record` says.
   */
  run(record: ContainerRecord, images: readonly LayerImageFile[]): Promise<ProcessResult>;

  /**
   * Mounts and starts the process under a supervisor of its own, which keeps what it writes, and returns as soon as it runs.
   *
   * @throws VarveError as `run`; RUNTIME_MISSING also without a supervisor.
   */
  start(record: ContainerRecord, images: readonly LayerImageFile[]): Promise<void>;

  /** Resolves when the process is gone, with its exit code; `undefined` when nobody knows it: its supervisor was killed, or it has never run. */
  wait(record: ContainerRecord): Promise<number | undefined>;

  /** @throws VarveError CONTAINER_STOPPED. */
  kill(record: ContainerRecord, signal: NodeJS.Signals): void;

  /** What a process in the background wrote, also after its end. @throws VarveError UNSUPPORTED for one of the foreground. */
  log(record: ContainerRecord, query: LogQuery): AsyncIterable<LogPiece>;

  /**
   * Ties this process's input and output to those of a process in the background.
   *
   * @returns Its exit code; `undefined` when it was left by the detach keys and runs on.
   * @throws VarveError CONTAINER_STOPPED, UNSUPPORTED for one of the foreground.
   */
  attach(record: ContainerRecord, request: AttachRequest): Promise<number | undefined>;

  /**
   * Runs a process in a container that runs, on this process's input and output.
   * @throws VarveError CONTAINER_STOPPED, CONFLICT when it is paused, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, RUNTIME_FAILED, WRONG_TYPE.
   */
  exec(record: ContainerRecord, configuration: ExecConfiguration): Promise<ProcessResult>;

  /**
   * For the command that is run at the end of a process in the background: tells of the end, and leaves the mounts of its run, in whose namespace it
   * was started.
   * @returns How long the process ran, in milliseconds. 0 when nobody knows.
   */
  leaveEnded(id: string): number;

  /** Clears what is left in the system of containers that nobody looks at any more, of whatever store: those of one that was removed from the disk. */
  clearLost(): void;

  /** How often it was restarted by its policy since a person started it, and whether a person has stopped it since. */
  restarts(record: ContainerRecord): Restarts;
  noteRestarts(record: ContainerRecord, restarts: Restarts): void;

  /**
   * Terminate, then kill after the grace period. Resolves when the process is gone. Stopping a stopped one does nothing.
   * @returns Whether there was a process.
   */
  stop(record: ContainerRecord, graceMilliseconds: number): Promise<boolean>;

  /**
   * Freezes a container's processes until `unpause`, a stop or a kill; after a commit of it that goes on now.
   * @returns False when it was paused already.
   * @throws VarveError CONTAINER_STOPPED, UNSUPPORTED without cgroups, RUNTIME_FAILED when a process does not stop.
   */
  pause(record: ContainerRecord): Promise<boolean>;
  /** @returns False when it was not paused. @throws VarveError CONTAINER_STOPPED, UNSUPPORTED. */
  unpause(record: ContainerRecord): Promise<boolean>;

  /** By ascending pid. @throws VarveError CONTAINER_STOPPED. */
  processes(record: ContainerRecord): readonly ContainerProcess[];

  /** @returns `undefined` when it does not run. */
  usage(record: ContainerRecord): ContainerUsage | undefined;

  /** Runs `work` with the container's processes frozen, when there are any. They thaw even when `work` fails. */
  whilePaused<T>(record: ContainerRecord, work: () => Promise<T>): Promise<T>;

  /** Volumes stay. @param isPassing As `create` has it. @throws VarveError CONTAINER_RUNNING. May be repeated. */
  remove(record: ContainerRecord, isPassing?: boolean): void;

  /** Removes the volumes without a name of a container that is gone, but for those that another one has. Nothing brings them back. */
  removeVolumes(record: ContainerRecord): void;
}
