import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import type { Tree } from "../../core/model/tree.js";
import type {
  AttachRequest,
  ContainerRecord,
  Containers,
  ContainerState,
  ContainerStatus,
  ExecConfiguration,
  LogPiece,
  LogQuery,
  MountedPlace,
  OpenedRoot,
  ProcessResult,
  Restarts,
} from "../../core/ports/containers.js";
import type { LayerImageFile } from "../../core/ports/layer-store.js";
import { hasCode } from "../../linux/errno.js";
import { syncDirectory } from "../../linux/sync.js";
import { freezerOf } from "../runtime/cgroups.js";
import { chooseRuntime } from "../runtime/chosen-runtime.js";
import { isWrittenInNamespace, requireNamespace, requireNamespaceToRemove } from "./written-ids.js";
import { CONTAINER_ID, ContainerDirectory, forgetOldExits, latin1 } from "./container-directory.js";
import { attachmentTo, isNetworkTrouble, tearDownNetwork } from "../network/container-network.js";
import { hasAttachment } from "../network/stored-attachment.js";
import { livingHolder, livingProcess, livingSupervisor } from "./container-process.js";
import { leaveMounts, MountedRoots } from "../mounts/mounted-roots.js";
import { thawAbandoned, whileFrozen } from "./paused-work.js";
import { attachToProcess } from "./attach-to-process.js";
import {
  hasConsequences,
  killProcess,
  ranMilliseconds,
  readOutput,
  readRestarts,
  waitForEnd,
  writeRestarts,
  waitForSupervisor,
} from "./background.js";
import { execInContainer } from "./exec-in-container.js";
import { limitRunning } from "./live-limits.js";
import { clearRun, movedMeanwhile, type RunRequest } from "./prepare-run.js";
import { startSupervised } from "./start-supervised.js";
import { lockIdle } from "./idle-lock.js";
import { mountedPlaces } from "./mounted-places.js";
import { openProcessRoot } from "./process-root.js";
import { rootImages } from "./root-images.js";
import { containerIds, findStored, refuseTakenName, unknownContainer } from "./stored-containers.js";
import { runContainer } from "./run-container.js";
import { stopProcess } from "./stop-process.js";
import { formatContainer, parseContainer, type StoredContainer } from "./stored-container.js";
import { systemFailure } from "../system-failure.js";
import { removeUnfinished, UNFINISHED } from "./unfinished.js";

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
  readonly #roots: MountedRoots;

  constructor({ directory, volumes, openUpperTree, endCommand, unpack }: ContainersOptions) {
    this.#unpack = unpack;
    this.#endCommand = endCommand;
    this.#path = directory;
    this.#volumes = volumes;
    this.#openUpperTree = openUpperTree;
    this.#roots = new MountedRoots(directory, () => this.#holders());
  }

  create(record: ContainerRecord): void {
    if (!CONTAINER_ID.test(record.id)) throw new RangeError(`A container's id is 12 hex digits: ${record.id}`);
    // One that `undo` brings back comes from the operation log.
    parseContainer(formatContainer({ record, generation: 1 }), record.id, this.#path);
    refuseTakenName(this.#path, record.name);
    this.#doing(`create container "${record.name}"`, () => {
      mkdirSync(this.#path, { recursive: true, mode: 0o700 });
      removeUnfinished(this.#path);
      forgetOldExits(this.#path);
      // Under a name that no listing sees, and locked, until it is whole.
      const unfinished = new ContainerDirectory(this.#path, `${UNFINISHED}${record.id}`);
      mkdirSync(unfinished.path, { mode: 0o700 });
      const release = unfinished.lock("create", record.name);
      try {
        unfinished.makeGeneration(1);
        unfinished.write({ record, generation: 1 });
        renameSync(unfinished.path, this.#directory(record.id).path);
        syncDirectory(latin1(this.#path));
      } finally {
        release();
      }
    });
  }

  list(): readonly ContainerStatus[] {
    return containerIds(this.#path)
      .flatMap((id) => this.#status(this.#directory(id)) ?? [])
      .sort((a, b) => compare(a.record.created, b.record.created) || compare(a.record.id, b.record.id));
  }

  find(nameOrId: string): ContainerStatus {
    const status = this.#status(this.#directory(findStored(this.#path, nameOrId).id));
    if (status !== undefined) return status;
    throw unknownContainer(nameOrId, "there is none by that name or id");
  }

  mountedPlaces({ id, configuration }: ContainerRecord): readonly MountedPlace[] {
    return mountedPlaces(livingProcess(this.#directory(id)), configuration, this.#volumes);
  }

  openRoot({ id }: ContainerRecord): OpenedRoot | undefined {
    return openProcessRoot(this.#directory(id));
  }

  isFresh({ id }: ContainerRecord): boolean {
    const { directory, generation } = this.#existing(id);
    directory.requireOverlay(generation);
    // Never mounted: the upper directory's own attributes are not the root's yet.
    return existsSync(directory.fresh(generation)) && readdirSync(directory.upper(generation)).length === 0;
  }

  fault(id: string): string | undefined {
    try {
      const directory = this.#directory(id);
      const stored = directory.read();
      if (stored !== undefined) directory.requireOverlay(stored.generation);
      return undefined;
    } catch (error) {
      if (error instanceof VarveError) return error.message;
      throw error;
    }
  }

  async openTree(record: ContainerRecord, base: Tree): Promise<Tree> {
    if (this.isFresh(record)) return base;
    const { directory, generation } = this.#existing(record.id);
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
    const { directory, record, generation } = this.#existing(id);
    if (changes.name !== undefined && changes.name !== record.name) refuseTakenName(this.#path, changes.name);
    const updated = { ...record, ...changes, id };
    this.#doing(`change container "${record.name}"`, () => directory.write({ record: updated, generation }));
    return updated;
  }

  setLimits({ id }: ContainerRecord, limits: ContainerRecord["configuration"]["limits"]): ContainerRecord {
    const { directory, record } = this.#existing(id);
    return this.update(record, { configuration: limitRunning(directory, record, limits) });
  }

  async run({ id, name, base }: ContainerRecord, images: readonly LayerImageFile[]): Promise<ProcessResult> {
    const { directory } = this.#existing(id);
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
    const { directory } = this.#existing(id);
    const release = lockIdle(directory, "start", name);
    try {
      const request = await this.#prepared(directory, base, images);
      await startSupervised(request, hasConsequences(request.stored.record) ? this.#endCommand?.(id) : undefined);
    } catch (error) {
      throw systemFailure(`start container "${name}"`, error, directory.path);
    } finally {
      release();
    }
  }

  wait({ id }: ContainerRecord): Promise<number | undefined> {
    return waitForEnd(this.#directory(id));
  }

  kill({ id, name }: ContainerRecord, signal: NodeJS.Signals): void {
    killProcess(this.#directory(id), name, signal);
  }

  log(record: ContainerRecord, query: LogQuery): AsyncIterable<LogPiece> {
    return readOutput(this.#directory(record.id), record, query);
  }

  attach(record: ContainerRecord, request: AttachRequest): Promise<number | undefined> {
    return attachToProcess(this.#directory(record.id), record, request);
  }

  exec(record: ContainerRecord, configuration: ExecConfiguration): Promise<ProcessResult> {
    requireNamespace(this.#directory(record.id));
    return execInContainer(this.#directory(record.id), record, configuration, chooseRuntime(`${this.#path}/runtime.json`));
  }

  leaveEnded(id: string): number {
    const ran = ranMilliseconds(this.#directory(id));
    this.#doing("leave the mounts of a run", () => {
      try {
        tearDownNetwork(this.#path, id);
      } finally {
        leaveMounts(this.#path);
      }
    });
    return ran;
  }

  restarts({ id }: ContainerRecord): Restarts {
    return readRestarts(this.#directory(id));
  }

  noteRestarts({ id, name }: ContainerRecord, restarts: Restarts): void {
    this.#doing(`note the restarts of container "${name}"`, () => writeRestarts(this.#directory(id), restarts));
  }

  async stop({ id, configuration }: ContainerRecord, graceMilliseconds: number): Promise<void> {
    const directory = this.#directory(id);
    await stopProcess(directory, graceMilliseconds, configuration.stop?.signal);
    waitForSupervisor(directory);
    this.#clearAbandoned(directory);
  }

  async whilePaused<T>({ id, name }: ContainerRecord, work: () => Promise<T>): Promise<T> {
    const directory = this.#directory(id);
    return livingProcess(directory) === undefined ? work() : whileFrozen(directory, name, work);
  }

  remove({ id, name }: ContainerRecord): void {
    const directory = this.#directory(id);
    if (!existsSync(directory.path)) return;
    requireNamespaceToRemove(directory);
    const release = lockIdle(directory, "remove", name);
    try {
      this.#doing(`remove container "${name}"`, () => {
        clearRun(directory);
        // A run in the background that this process has started stands in its own mounts, too.
        this.#roots.unmount(id);
        directory.remove();
        syncDirectory(latin1(this.#path));
      });
    } finally {
      release();
    }
  }

  /** Under the container's lock. */
  async #prepared(directory: ContainerDirectory, base: CommitId, images: readonly LayerImageFile[]): Promise<RunRequest> {
    requireNamespace(directory);
    clearRun(directory);
    directory.forgetExitCode();
    this.#roots.unmount(directory.id);
    this.#roots.enter();
    const runtime = chooseRuntime(`${this.#path}/runtime.json`);
    const { record, generation } = this.#existing(directory.id);
    // The images are those of the record that was given.
    if (record.base !== base) throw movedMeanwhile(record.name);
    directory.requireOverlay(generation);
    isWrittenInNamespace(directory, generation);
    const root = await rootImages(this.#path, { layers: record.layers, images, unpack: this.#unpack });
    const places = { containers: this.#path, volumes: this.#volumes, directory };
    return { ...places, stored: { record, generation }, images: root, roots: this.#roots, runtime };
  }

  /** Processes whose mount namespaces hold images of this store. */
  *#holders(): Generator<number> {
    for (const id of containerIds(this.#path)) {
      const pid = livingHolder(this.#directory(id));
      if (pid !== undefined) yield pid;
    }
  }

  #directory(id: string): ContainerDirectory {
    return new ContainerDirectory(this.#path, id);
  }

  #existing(id: string): StoredContainer & { readonly directory: ContainerDirectory } {
    const directory = this.#directory(id);
    const stored = directory.read();
    if (stored === undefined) throw new VarveError("TARGET_UNKNOWN", `Cannot open container "${id}": there is no such container`);
    return { ...stored, directory };
  }

  #status(directory: ContainerDirectory): ContainerStatus | undefined {
    const stored = directory.read();
    if (stored === undefined) return undefined;
    const pid = livingProcess(directory);
    if (pid === undefined) {
      if (livingSupervisor(directory) === undefined) this.#clearAbandoned(directory);
      const state = existsSync(directory.file("config.json")) || stored.record.exitCode !== undefined ? "stopped" : "created";
      return { record: stored.record, state, pid: undefined };
    }
    thawAbandoned(directory);
    const state: ContainerState = freezerOf(directory.id)?.isFrozen() === true ? "paused" : "running";
    const attachment = attachmentTo(this.#path, directory.id);
    return { record: stored.record, state, pid, ...(attachment && { attachment }) };
  }

  /** What a killed command left: the runtime's state, cgroups. Not while another process runs the container. */
  #clearAbandoned(directory: ContainerDirectory): void {
    if (!existsSync(directory.file("runtime")) && !hasAttachment(this.#path, directory.id)) return;
    const release = directory.tryLock();
    if (release === undefined) return;
    try {
      if (livingProcess(directory) === undefined) clearRun(directory);
    } catch (error) {
      // Whoever may only look is not hindered by what only the owner can clear.
      if (!hasCode(error, "EACCES", "EPERM", "EROFS") && !isNetworkTrouble(error)) throw error;
    } finally {
      release();
    }
  }

  #whileIdle<T>(
    action: string,
    id: string,
    name: string,
    work: (found: StoredContainer & { readonly directory: ContainerDirectory }) => T,
  ): T {
    const { directory } = this.#existing(id);
    const release = lockIdle(directory, action, name);
    try {
      return this.#doing(`${action} container "${name}"`, () => work(this.#existing(id)));
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
