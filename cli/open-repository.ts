import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { VarveError } from "../core/errors.js";
import type { FinishedOperation } from "../core/operations/finish-interrupted.js";
import type { OutsideReaders } from "../core/operations/outside-source.js";
import type { Images } from "../core/ports/images.js";
import type { Containers } from "../core/ports/containers.js";
import type { Events } from "../core/ports/events.js";
import type { Garbage } from "../core/ports/garbage.js";
import type { MachineRoot } from "../core/ports/machine-root.js";
import type { Networks } from "../core/ports/networks.js";
import type { PlainDirectories } from "../core/ports/plain-directories.js";
import type { Repository } from "../core/ports/repository.js";
import type { StoreChecks } from "../core/ports/store-checks.js";
import type { TreeForms } from "../core/ports/tree-forms.js";
import type { TreeMounts } from "../core/ports/tree-mounts.js";
import type { UsageMeter } from "../core/ports/usage-meter.js";
import type { Volumes } from "../core/ports/volumes.js";
import type { Worktree } from "../core/ports/worktree.js";
import type { ContainersOptions } from "../overlay/containers/containers.js";
import type { Probe } from "../overlay/probes.js";
import { endProcess } from "../overlay/end-process.js";
import type { LayerStoreOptions } from "../store/layers/layer-store.js";
import type { UpperTreeSource } from "../store/directory/upper-tree.js";
import type { ClonePlace, CloneRequest } from "../store/clone-place.js";
import { archivesAt } from "../store/archives.js";
import { openBlobs } from "../store/blobs/blob-store.js";
import { fileEvents } from "../store/events/file-events.js";
import { historiesAt } from "../store/histories.js";
import { imagesAt } from "../store/images.js";
import { openStore } from "../store/open-store.js";
import { registriesAt } from "../store/registries.js";
import { readersScratch, scratchPath } from "../store/scratch.js";
import type { LockOptions } from "../store/store-lock.js";
import { storeLayout, type StoreLayout } from "../store/store-layout.js";
import type { NamespaceUse, Session } from "./command.js";
import { showCount, showProgress } from "./progress.js";
import { tellEventFault, tellFinished, tellLeftOut, tellSingleOwner, tellWait } from "./store-notices.js";
import { locateStore, surroundings, type StoreLocation } from "./store-location.js";

/** For when all is said and done. */
export { endProcess };

/** Registries for who needs nothing of a store. */
export { REGISTRIES } from "../store/registries.js";

/** The latest date that anything made is to have. */
export { sourceDateEpoch } from "../store/clock.js";

export interface OpenOptions {
  /** Makes the store when there is none: for commands that fill it. */
  readonly make?: boolean;
}

/**
 * Opens the store that the command line and its surroundings name, and puts the parts of `store/` and `overlay/` behind core's ports: the
 * one place where they meet.
 *
 * @throws VarveError STORE_MISSING, STORE_FORMAT, STORE_DAMAGED, PERMISSION.
 */
export async function openRepository(session: Session, { make = false }: OpenOptions = {}): Promise<Repository> {
  const location = locateStore(session.store, surroundings());
  const layout = await openOrMake(location, make, session);
  const repository = await repositoryAt(layout, {
    tracked: location.tracked,
    command: session.typed,
    onWait: (holder) => tellWait(session, holder),
    onFinish: (finished) => tellFinished(session, finished),
    observe: showProgress(session.terminal, "preparing a long history: "),
    observeNames: showCount(session.terminal, "reading what layers hold: ", "layer"),
    onLeftOut: (devices) => tellLeftOut(session, devices),
    onEventFault: (error) => tellEventFault(session, error),
  });
  session.opened.push(repository);
  if (repository.operations.isUnsettled()) await finishFirst(repository);
  return session.atOperation === undefined ? repository : viewAt(repository, session.atOperation);
}

/** What a killed command left half-way is brought to its end, if this process may do that now. */
async function finishFirst(repository: Repository): Promise<void> {
  try {
    await repository.exclusively(async () => undefined, { wait: false });
  } catch (error) {
    if (!(error instanceof VarveError) || !["STORE_LOCKED", "PERMISSION"].includes(error.code)) throw error;
  }
}

async function viewAt(repository: Repository, operation: string): Promise<Repository> {
  const { repositoryAtOperation } = await import("../core/operations/at-operation.js");
  return repositoryAtOperation(repository, operation);
}

/** @returns What was left half-way by a process that was killed, as far as a person should know. */
async function finishKilled(repository: Repository): Promise<FinishedOperation | undefined> {
  if (!repository.operations.isUnsettled()) return undefined;
  const { finishInterrupted } = await import("../core/operations/finish-interrupted.js");
  return finishInterrupted(repository);
}

/** What reads trees that no store holds, for who needs none. */
export async function openOutsideReaders(): Promise<OutsideReaders> {
  const { openDirectories } = await import("../store/directory/plain-directories.js");
  const scratch = (): string => scratchPath({ scratch: tmpdir() }, "varve-archive");
  return { directories: openDirectories(), archives: archivesAt(scratch) };
}

/** What images and histories are read by where there is no store. Nothing is put anywhere. */
export function openOutsideImages(): Pick<Images, "open"> {
  return imagesAt({ ...storeLayout(tmpdir()), scratch: tmpdir() });
}

export type { Probe } from "../overlay/probes.js";

/** Tries out what running processes needs. @param folder On the store's filesystem. */
export async function probeMachine(folder: string | undefined): Promise<readonly Probe[]> {
  const { probeMachine: probe } = await import("../overlay/probes.js");
  return probe(folder);
}

/** @returns The store's directory. @throws VarveError STORE_EXISTS, PERMISSION. */
export async function makeStore(directory: string, branch: string): Promise<string> {
  const { initStore } = await import("../store/init-store.js");
  return initStore(directory, branch).root;
}

/** Where a file is made that appears under its name once it is whole. @throws Node's errors. */
export async function claimFolder(file: string): Promise<{ readonly file: string; release(): void }> {
  return (await import("../store/claimed-folder.js")).claimFolder(file);
}

/** Makes a store where a clone comes. @throws VarveError DESTINATION_NOT_EMPTY, WRONG_TYPE, PERMISSION, DISK_FULL. */
export async function takeClonePlace(request: CloneRequest): Promise<ClonePlace> {
  return (await import("../store/clone-place.js")).takeClonePlace(request);
}

/** What gc, fsck and du need beyond the ports that all commands use. */
export interface Maintenance {
  readonly garbage: Garbage;
  readonly checks: StoreChecks;
  readonly meter: UsageMeter;
}

export async function openMaintenance(repository: Repository): Promise<Maintenance> {
  const [{ openGarbage }, { openChecks }, { openUsageMeter }] = await Promise.all([
    import("../store/maintenance/collect-waste.js"),
    import("../store/maintenance/check-parts.js"),
    import("../store/maintenance/measure-layers.js"),
  ]);
  const layout = storeLayout(repository.path);
  return {
    garbage: openGarbage(layout, repository.history),
    checks: openChecks(layout, repository.worktree?.path),
    meter: openUsageMeter(layout),
  };
}

/** Named volumes of a store. */
export async function openVolumes(repository: Repository): Promise<Volumes> {
  const { openVolumes: open } = await import("../overlay/volumes/named-volumes.js");
  return open(storeLayout(repository.path).volumes);
}

/** Trees of commits that are mounted beside containers. */
export async function openTreeMounts(): Promise<TreeMounts> {
  return (await import("../overlay/mounts/tree-mounts.js")).treeMounts;
}

/** The networks that containers of the store are tied to. */
export async function openNetworks(repository: Repository): Promise<Networks> {
  const { openNetworks: open } = await import("../overlay/network/networks.js");
  return open(storeLayout(repository.path).containers);
}

/** This machine's own root, for processes that try something on it. */
export async function openMachineRoot(repository: Repository): Promise<MachineRoot> {
  const layout = storeLayout(repository.path);
  const { openMachineRoot: open } = await import("../overlay/containers/machine-root.js");
  const { openLinked } = repository.directories;
  return open({ ...(await containersOptions(layout)), openLinked });
}

async function openOrMake(location: StoreLocation, make: boolean, { terminal, takeBack }: Session): Promise<StoreLayout> {
  try {
    return await openStore(location.store, location);
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "STORE_MISSING") throw error;
    if (!make) throw location.isDefault ? noStore(location) : error;
  }
  const made = (await import("../store/make-for-work.js")).makeForWork(location.store);
  if (made !== undefined) terminal.say(`Made the store ${location.store}`);
  takeBack.push(async () => {
    if (await made?.takeBack()) terminal.say("Removed that store again: nothing came into it");
  });
  return openStore(location.store);
}

function noStore({ store }: StoreLocation): VarveError {
  return new VarveError("STORE_MISSING", "Cannot find a store: this directory is not tracked, and there is no shared store", {
    path: store,
    hint: "Track this directory with `varve init`, fill a shared store with `varve import SOURCE -b BRANCH`, or name one with --store.",
  });
}

/** What surrounds a store that is opened. */
export interface RepositorySurroundings {
  /** The tracked directory whose store it is. */
  readonly tracked?: string | undefined;
  /** What a person typed, for those who wait for the lock. */
  readonly command?: string;
  readonly onWait?: NonNullable<LockOptions["onWait"]>;
  readonly onFinish?: (finished: FinishedOperation) => void;
  readonly observe?: LayerStoreOptions["observe"];
  readonly observeNames?: LayerStoreOptions["observeNames"];
  /** Hears how many devices an ordinary user's containers lack. */
  readonly onLeftOut?: ((devices: number) => void) | undefined;
  /** Hears once what keeps events from being written. */
  readonly onEventFault?: (error: VarveError) => void;
}

/** Puts the parts of an opened store together. */
export async function repositoryAt(layout: StoreLayout, surrounding: RepositorySurroundings = {}): Promise<Repository> {
  const { tracked, observe, observeNames, onFinish, onLeftOut, onEventFault, ...lock } = surrounding;
  const events = fileEvents(layout, onEventFault);
  const [
    { openLayerStore },
    { gitHistory },
    { fileOperationLog },
    { fileProgress },
    { exclusively },
    containers,
    { openDirectories },
    { machineFiles },
    worktree,
  ] = await Promise.all([
    import("../store/layers/layer-store.js"),
    import("../store/git/git-history.js"),
    import("../store/operation-log/file-operation-log.js"),
    import("../store/operation-log/file-progress.js"),
    import("../store/store-lock.js"),
    openContainersOf(layout, events, onLeftOut),
    import("../store/directory/plain-directories.js"),
    import("../store/directory/machine-files.js"),
    openWorktreeOf(layout, tracked),
  ]);
  const repository: Repository = {
    path: layout.root,
    layers: openLayerStore(layout, { observe, observeNames }),
    history: gitHistory(layout),
    operations: fileOperationLog(layout),
    containers,
    events,
    inProgress: fileProgress(layout),
    directories: openDirectories(layout.root),
    archives: archivesAt(() => readersScratch(layout, "archive")),
    forms: formsAt(layout, openDirectories(layout.root)),
    images: imagesAt(layout),
    blobs: openBlobs(layout),
    histories: historiesAt(layout),
    registries: registriesAt(layout),
    machine: machineFiles(layout),
    worktree,
    exclusively: (work, options) => exclusively(layout, () => settled(work), { ...lock, ...options }),
  };
  const settled = async <T>(work: () => Promise<T>): Promise<T> => {
    const finished = await finishKilled(repository);
    if (finished !== undefined) onFinish?.(finished);
    return work();
  };
  return repository;
}

type OnLeftOut = RepositorySurroundings["onLeftOut"];

/** The containers alone, for who must not wait for all that a repository has. @param store Its directory. @throws VarveError as `openRepository`. */
export async function openContainersIn(store: string): Promise<Containers> {
  const layout = await openStore(store);
  return openContainersOf(layout, fileEvents(layout), undefined);
}

/** What a container's process has left in the system whose store was removed meanwhile. @param id Of a container. */
export async function clearAfterStore(id: string): Promise<void> {
  const [{ removeCgroups }, { CONTAINER_ID }] = await Promise.all([
    import("../overlay/runtime/cgroups.js"),
    import("../overlay/containers/container-directory.js"),
  ]);
  if (CONTAINER_ID.test(id)) removeCgroups(id);
}

async function openContainersOf(layout: StoreLayout, events: Events, onLeftOut: OnLeftOut): Promise<Containers> {
  const { openContainers } = await import("../overlay/containers/containers.js");
  return openContainers({ ...(await containersOptions(layout, onLeftOut)), onEvent: (event) => events.note(event) });
}

async function containersOptions(layout: StoreLayout, onLeftOut?: OnLeftOut): Promise<ContainersOptions> {
  const { openUpperTree } = await import("../store/directory/upper-tree.js");
  return {
    directory: layout.containers,
    volumes: layout.volumes,
    openUpperTree: async (upper, work, base, inNamespace) =>
      openUpperTree({ upper, work, base, ...(inNamespace ? await namespaceForm() : {}) }),
    unpack: async (layers) => (await import("../store/layers/unpacked-layers.js")).unpackLayers(layout, layers, onLeftOut),
    endCommand: (id) => [process.execPath, process.argv[1] ?? "", "__ended", layout.root, id],
  };
}

/** How upper directories are kept by overlay mounts of user namespaces. */
async function namespaceForm(): Promise<Pick<UpperTreeSource, "prefix" | "representation">> {
  const { Representation } = await import("../store/directory/representation.js");
  return { prefix: "user.overlay.", representation: new Representation() };
}

/**
 * Starts this command anew as root of a user namespace, where that is needed: see overlay/rootless/. Nothing after it is done then.
 *
 * @throws VarveError RUNTIME_MISSING, MOUNT_UNAVAILABLE, PERMISSION, but for `alone`.
 */
export async function enterUserNamespace(session: Session, use: NamespaceUse): Promise<void> {
  if (use === "alone") return enterAlone();
  const layout = storeLayout(locateStore(session.store, surroundings()).store);
  if (!existsSync(layout.format) || (use === "where used" && !existsSync(layout.unpacked))) return;
  const { enterNamespaceOf } = await import("../overlay/containers/enter-namespace.js");
  enterNamespaceOf(layout.containers, (reason) => tellSingleOwner(session, reason));
}

async function enterAlone(): Promise<void> {
  const { enterUserNamespace: enter } = await import("../overlay/rootless/enter-user-namespace.js");
  try {
    enter(undefined);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}

async function openWorktreeOf(layout: StoreLayout, tracked: string | undefined): Promise<Worktree | undefined> {
  if (tracked === undefined) return undefined;
  const { openWorktree } = await import("../store/worktree/open-worktree.js");
  return openWorktree(tracked, layout);
}

function formsAt(layout: StoreLayout, { writeTree }: PlainDirectories): TreeForms {
  const scratch = (): string => readersScratch(layout, "image");
  return {
    writeErofs: async (tree, file, ...on) =>
      (await import("../store/layers/write-image.js")).writeImage(tree, file, scratch, ...on),
    writeExt4: async (tree, file, shape, observe) =>
      (await import("../overlay/disk-images/ext4-image.js")).writeExt4Image(file, shape, (at) => writeTree(tree, at, observe)),
    writeContainer: async (...parts) => (await import("../store/directory/write-container.js")).writeContainer(...parts),
  };
}

/** What a URL gives. @throws VarveError USAGE, SOURCE_MISSING, SOURCE_UNREADABLE. */
export async function openDownload(url: string): Promise<AsyncIterable<Uint8Array>> {
  return (await import("../store/download/open-download.js")).openDownload(url);
}
