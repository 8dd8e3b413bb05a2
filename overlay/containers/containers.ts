import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { containerEvent } from "../../core/events/container-event.js";
import { signalName } from "../../core/isolation/signal-names.js";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type {
  AttachRequest,
  ContainerRecord,
  Containers,
  ContainerStatus,
  ExecConfiguration,
  LogPiece,
  LogQuery,
  MountedPlace,
  OpenedRoot,
  ProcessResult,
  Restarts,
} from "../../core/ports/containers.js";
import type { ContainerProcess } from "../../core/ports/container-process.js";
import type { ContainerUsage } from "../../core/ports/container-usage.js";
import type { LayerImageFile } from "../../core/ports/layer-store.js";
import { syncDirectory } from "../../linux/sync.js";
import { chooseRuntime } from "../runtime/chosen-runtime.js";
import { removeLostCgroups } from "../runtime/lost-cgroups.js";
import { isWrittenInNamespace, requireNamespace, requireNamespaceToRemove } from "./written-ids.js";
import { CONTAINER_ID, ContainerDirectory, forgetOldExits, latin1, UNFINISHED } from "./container-directory.js";
import { tearDownNetwork } from "../network/container-network.js";
import { livingHolder, livingProcess } from "./container-process.js";
import { leaveMounts, MountedRoots } from "../mounts/mounted-roots.js";
import { pauseContainer, unpauseContainer } from "./pause-container.js";
import { whileFrozen } from "./paused-work.js";
import { attachToProcess } from "./attach-to-process.js";
import { killProcess, ranMilliseconds, readOutput, readRestarts, waitUntilSignal, writeRestarts } from "./background.js";
import { listProcesses } from "./container-processes.js";
import { readUsage } from "./container-usage.js";
import { ContainerIndex, type FoundContainer } from "./container-index.js";
import { execInContainer } from "./exec-in-container.js";
import { lockIdle, waitForSupervisor } from "./idle-container.js";
import { limitRunning } from "./live-limits.js";
import { clearRun, movedMeanwhile, type OnEvent, type RunRequest } from "./prepare-run.js";
import { startSupervised } from "./start-supervised.js";
import { mountedPlaces } from "./mounted-places.js";
import { openProcessRoot } from "./process-root.js";
import { rootImages } from "./root-images.js";
import { makeAnonymousVolumes, removeAnonymousVolumes } from "./run-volumes.js";
import { refuseTakenName } from "./stored-containers.js";
import { tellEnd } from "./run-events.js";
import { runContainer } from "./run-container.js";
import { stopProcess } from "./stop-process.js";
import { formatContainer, parseContainer } from "./stored-container.js";
import { systemFailure } from "../system-failure.js";
import { whileThere } from "./removed-meanwhile.js";
import { removeUnfinished } from "./unfinished.js";

export interface ContainersOptions {
  /** `<store>/containers`, absolute. Made when the first container is. */
  readonly directory: string;
  /** `<store>/volumes`, absolute. */
  readonly volumes: string;
  /**
   * Reads an upper directory as a tree above `base`. Paths absolute.
   * @param inNamespace Whether it is in the form of a user namespace, which this process is in.
   */
  readonly openUpperTree: (upper: string, work: string, base: Tree, inNamespace: boolean) => Promise<Tree>;
  /** Gives layers, newest first, as directories for overlayfs: what a user namespace mounts. */
  readonly unpack?: (layers: readonly LayerId[]) => Promise<readonly string[]>;
  /** What is run when the process of a container in the background has ended, by its id. */
  readonly endCommand?: (id: string) => readonly string[];
  /** Told what happens to containers. */
  readonly onEvent?: OnEvent;
}

/** Containers kept in a directory each, run by this machine's kernel and OCI runtime. */
export function openContainers(options: ContainersOptions): Containers {
  return new DirectoryContainers(options);
}

class DirectoryContainers implements Containers {
  readonly #path: string;
  readonly #volumes: string;
  readonly #openUpperTree: ContainersOptions["openUpperTree"];
  readonly #endCommand: ContainersOptions["endCommand"];
  readonly #unpack: ContainersOptions["unpack"];
  readonly #index: ContainerIndex;
  readonly #roots: MountedRoots;
  readonly #onEvent: OnEvent;
  /** Those that this process has killed. */
  readonly #killed = new Set<string>();

  constructor({ directory, volumes, openUpperTree, endCommand, unpack, onEvent = () => undefined }: ContainersOptions) {
    this.#onEvent = onEvent;
    this.#unpack = unpack;
    this.#endCommand = endCommand;
    this.#path = directory;
    this.#index = new ContainerIndex(directory);
    this.#volumes = volumes;
    this.#openUpperTree = openUpperTree;
    this.#roots = new MountedRoots(directory, () => this.#index.holders());
  }

  create(record: ContainerRecord, isPassing = false): void {
    if (!CONTAINER_ID.test(record.id)) throw new RangeError(`A container's id is 12 hex digits: ${record.id}`);
    // One that `undo` brings back comes from the operation log.
    parseContainer(formatContainer({ record, generation: 1 }), record.id, this.#path);
    refuseTakenName(this.list(), record.name);
    this.#doing(`create container "${record.name}"`, () => {
      mkdirSync(this.#path, { recursive: true, mode: 0o700 });
      removeUnfinished(this.#path);
      forgetOldExits(this.#path);
      // Under a name that no listing sees, and locked, until it is whole.
      const unfinished = new ContainerDirectory(this.#path, `${UNFINISHED}${record.id}`);
      mkdirSync(unfinished.path, { mode: 0o700 });
      const release = unfinished.lock("create", record.name);
      try {
        makeAnonymousVolumes(record.configuration, this.#volumes);
        unfinished.makeGeneration(1);
        unfinished.write({ record, generation: 1 }, isPassing);
        renameSync(unfinished.path, this.#index.directory(record.id).path);
        if (!isPassing) syncDirectory(latin1(this.#path));
      } finally {
        release();
      }
    });
    this.#tell("create", record, { commit: record.base });
  }

  list(): readonly ContainerStatus[] {
    return this.#index.list();
  }

  find(nameOrId: string): ContainerStatus {
    return this.#index.find(nameOrId);
  }

  fault(id: string): string | undefined {
    return this.#index.fault(id);
  }

  mountedPlaces({ id, configuration }: ContainerRecord): readonly MountedPlace[] {
    return mountedPlaces(livingProcess(this.#index.directory(id)), configuration, this.#volumes);
  }

  openRoot({ id }: ContainerRecord): OpenedRoot | undefined {
    return openProcessRoot(this.#index.directory(id));
  }

  isFresh({ id, name }: ContainerRecord): boolean {
    const { directory, generation } = this.#index.existing(id);
    whileThere(directory, name, () => directory.requireOverlay(generation));
    // Never mounted: the upper directory's own attributes are not the root's yet.
    return existsSync(directory.fresh(generation)) && readdirSync(directory.upper(generation)).length === 0;
  }

  async openTree(record: ContainerRecord, base: Tree): Promise<Tree> {
    if (this.isFresh(record)) return base;
    const { directory, generation } = this.#index.existing(record.id);
    const inNamespace = isWrittenInNamespace(directory, generation);
    return this.#openUpperTree(directory.upper(generation), directory.work(generation), base, inNamespace);
  }

  rebase({ id, name }: ContainerRecord, base: CommitId, layers: readonly LayerId[]): ContainerRecord {
    return this.#whileIdle("rebase", id, name, ({ directory, record, generation }) => {
      isWrittenInNamespace(directory, generation);
      const next = { record: { ...record, base, layers }, generation: generation + 1 };
      directory.makeGeneration(next.generation);
      directory.sync();
      directory.write(next);
      directory.removeGeneration(generation);
      return next.record;
    });
  }

  update({ id }: ContainerRecord, changes: Partial<Omit<ContainerRecord, "id">>): ContainerRecord {
    const { directory, record, generation } = this.#index.existing(id);
    const updated = { ...record, ...changes, id };
    whileThere(directory, record.name, () =>
      this.#doing(`change container "${record.name}"`, () => directory.write({ record: updated, generation })),
    );
    if (updated.name !== record.name) this.#tell("rename", updated, { oldName: record.name });
    return updated;
  }

  setLimits({ id }: ContainerRecord, limits: ContainerRecord["configuration"]["limits"]): ContainerRecord {
    const { directory, record, generation } = this.#index.existing(id);
    // Those that `undo` brings back come from the operation log.
    const wanted = { ...record, configuration: { ...record.configuration, limits } };
    parseContainer(formatContainer({ record: wanted, generation }), id, directory.path);
    const configuration = whileThere(directory, record.name, () => limitRunning(directory, record, limits));
    const updated = this.update(record, { configuration });
    this.#tell("update", updated);
    return updated;
  }

  async run({ id, name, base }: ContainerRecord, images: readonly LayerImageFile[]): Promise<ProcessResult> {
    const { directory } = this.#index.existing(id);
    const release = lockIdle(directory, "start", name);
    try {
      const result = await runContainer(await this.#prepared(directory, base, images));
      directory.writeExitCode(result.exitCode);
      return result;
    } catch (error) {
      throw systemFailure(`run container "${name}"`, error, directory.path);
    } finally {
      release();
    }
  }

  async start({ id, name, base }: ContainerRecord, images: readonly LayerImageFile[]): Promise<void> {
    const { directory } = this.#index.existing(id);
    const release = lockIdle(directory, "start", name);
    try {
      const request = await this.#prepared(directory, base, images);
      await startSupervised(request, this.#endCommand?.(id));
    } catch (error) {
      throw systemFailure(`start container "${name}"`, error, directory.path);
    } finally {
      release();
    }
  }

  wait({ id }: ContainerRecord): Promise<number | undefined> {
    return waitUntilSignal(this.#index.directory(id));
  }

  kill(record: ContainerRecord, signal: NodeJS.Signals): void {
    const directory = this.#index.directory(record.id);
    whileThere(directory, record.name, () => killProcess(directory, record.name, signal));
    this.#tellSignal(record, signal);
  }

  log(record: ContainerRecord, query: LogQuery): AsyncIterable<LogPiece> {
    return readOutput(this.#index.directory(record.id), record, query);
  }

  attach(record: ContainerRecord, request: AttachRequest): Promise<number | undefined> {
    return attachToProcess(this.#index.directory(record.id), record, request, () => this.#tell("attach", record));
  }

  exec(record: ContainerRecord, configuration: ExecConfiguration): Promise<ProcessResult> {
    const directory = this.#index.directory(record.id);
    requireNamespace(directory);
    const runtime = chooseRuntime(`${this.#path}/runtime.json`);
    const place = { directory, record, runtime, onEvent: this.#onEvent };
    return whileThere(directory, record.name, () => execInContainer(place, configuration));
  }

  leaveEnded(id: string): number {
    const directory = this.#index.directory(id);
    const ran = ranMilliseconds(directory);
    const record = directory.read()?.record;
    // Before the mounts are left: who waits for that finds it told.
    if (record !== undefined) tellEnd(directory, record, record.exitCode, this.#onEvent);
    this.#doing("leave the mounts of a run", () => {
      try {
        tearDownNetwork(this.#path, id);
      } finally {
        leaveMounts(this.#path);
      }
    });
    return ran;
  }

  clearLost(): void {
    removeLostCgroups();
  }

  restarts({ id }: ContainerRecord): Restarts {
    return readRestarts(this.#index.directory(id));
  }

  noteRestarts({ id, name }: ContainerRecord, restarts: Restarts): void {
    const directory = this.#index.directory(id);
    whileThere(directory, name, () =>
      this.#doing(`note the restarts of container "${name}"`, () => writeRestarts(directory, restarts)),
    );
  }

  async stop(record: ContainerRecord, graceMilliseconds: number): Promise<boolean> {
    const directory = this.#index.directory(record.id);
    const wasRunning = livingProcess(directory) !== undefined;
    const isKept = livingHolder(directory) !== undefined;
    const onSignal = (signal: number): void => this.#tellSignal(record, signalName(signal));
    await stopProcess(directory, graceMilliseconds, { signal: record.configuration.stop?.signal, onSignal });
    waitForSupervisor(directory);
    // Whoever would have told was killed.
    if (wasRunning && !isKept) tellEnd(directory, record, undefined, this.#onEvent);
    this.#index.clearAbandoned(directory);
    return wasRunning;
  }

  async pause(record: ContainerRecord): Promise<boolean> {
    const directory = this.#index.directory(record.id);
    const changed = await whileThere(directory, record.name, () => pauseContainer(directory, record.name));
    if (changed) this.#tell("pause", record);
    return changed;
  }

  async unpause(record: ContainerRecord): Promise<boolean> {
    const directory = this.#index.directory(record.id);
    const changed = await whileThere(directory, record.name, () => unpauseContainer(directory, record.name));
    if (changed) this.#tell("unpause", record);
    return changed;
  }

  processes({ id, name }: ContainerRecord): readonly ContainerProcess[] {
    return listProcesses(this.#index.directory(id), name);
  }

  usage(record: ContainerRecord): ContainerUsage | undefined {
    return readUsage(this.#index.directory(record.id), record);
  }

  async whilePaused<T>({ id, name }: ContainerRecord, work: () => Promise<T>): Promise<T> {
    const directory = this.#index.directory(id);
    return livingProcess(directory) === undefined ? work() : whileFrozen(directory, name, work);
  }

  remove(record: ContainerRecord, isPassing = false): void {
    const { id, name } = record;
    const directory = this.#index.directory(id);
    if (!existsSync(directory.path)) return;
    requireNamespaceToRemove(directory);
    const release = lockIdle(directory, "remove", name);
    try {
      this.#doing(`remove container "${name}"`, () => {
        clearRun(directory);
        // A run in the background that this process has started stands in its own mounts, too.
        this.#roots.unmount(id);
        directory.remove();
        if (!isPassing) syncDirectory(latin1(this.#path));
      });
      this.#tell("remove", record);
    } finally {
      release();
    }
  }

  removeVolumes({ id, name, configuration }: ContainerRecord): void {
    if (!configuration.volumes.some(({ anonymous }) => anonymous)) return;
    const others = this.list().filter(({ record }) => record.id !== id);
    this.#doing(`remove the volumes of container "${name}"`, () =>
      removeAnonymousVolumes(
        configuration,
        this.#volumes,
        others.map(({ record }) => record.configuration),
      ),
    );
  }

  #tell(action: string, record: ContainerRecord, attributes?: Readonly<Record<string, string>>): void {
    this.#onEvent(containerEvent(action, record, attributes));
  }

  /** What is sent to one that was killed changes nothing. */
  #tellSignal(record: ContainerRecord, signal: string): void {
    if (this.#killed.has(record.id)) return;
    if (signal === "SIGKILL") this.#killed.add(record.id);
    this.#tell("kill", record, { signal });
  }

  /** Under the container's lock. */
  async #prepared(directory: ContainerDirectory, base: CommitId, images: readonly LayerImageFile[]): Promise<RunRequest> {
    requireNamespace(directory);
    clearRun(directory);
    directory.forgetExitCode();
    this.#roots.unmount(directory.id);
    this.#roots.enter();
    const runtime = chooseRuntime(`${this.#path}/runtime.json`);
    const { record, generation } = this.#index.existing(directory.id);
    // The images are those of the record that was given.
    if (record.base !== base) throw movedMeanwhile(record.name);
    directory.requireOverlay(generation);
    isWrittenInNamespace(directory, generation);
    const root = await rootImages(this.#path, { layers: record.layers, images, unpack: this.#unpack });
    const places = { containers: this.#path, volumes: this.#volumes, directory };
    const onEvent = this.#onEvent;
    return { ...places, stored: { record, generation }, images: root, roots: this.#roots, runtime, onEvent };
  }

  #whileIdle<T>(action: string, id: string, name: string, work: (found: FoundContainer) => T): T {
    const { directory } = this.#index.existing(id);
    const release = lockIdle(directory, action, name);
    try {
      return this.#doing(`${action} container "${name}"`, () => work(this.#index.existing(id)));
    } finally {
      release();
    }
  }

  #doing<T>(action: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw systemFailure(action, error, this.#path);
    }
  }
}
