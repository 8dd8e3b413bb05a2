import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import type { EventDraft } from "../../core/ports/events.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { terminalSize } from "../../linux/terminal.js";
import { memoryKills } from "../runtime/memory-kills.js";
import { canLimitSwap, removeCgroups } from "../runtime/cgroups.js";
import { configurationText } from "../runtime/configuration-text.js";
import { containerDevices } from "../runtime/host-devices.js";
import { findInit } from "../runtime/init-program.js";
import { ownCapabilities, requireGivable } from "../runtime/process-privileges.js";
import { requirePlatform } from "../rootfs/platform.js";
import { checkProgram, hasOtherFormats } from "./check-program.js";
import { ContainerDirectory, latin1 } from "./container-directory.js";
import { makeMountPointLayer, MOUNT_POINTS, writeIdentityFiles } from "./container-mounts.js";
import { livingProcess, sendSignal } from "./container-process.js";
import type { RootImages } from "../mounts/mount-plan.js";
import type { MountedRoots } from "../mounts/mounted-roots.js";
import type { OciRuntime } from "../runtime/oci-runtime.js";
import { copyRootAttributes } from "../rootfs/root-attributes.js";
import { isExecFailure, runtimeErrors } from "../runtime/runtime-log.js";
import { noteWrittenIds } from "./written-ids.js";
import { requireOomScore } from "./oom-score.js";
import { setUpNetwork, tearDownNetwork } from "../network/container-network.js";
import { runtimeConfiguration, type RuntimeRequest } from "../runtime/runtime-configuration.js";
import { joinedNamespaces } from "./joined-namespaces.js";
import { joinSharedMemory } from "./shared-memory.js";
import { isInUserNamespace } from "../../linux/user-namespace.js";
import { ownNamespace } from "../rootless/own-namespace.js";
import { withTmpfsOwners } from "./filled-tmpfs.js";
import { preparePlaces } from "./run-places.js";
import { volumePath } from "../volumes/named-volumes.js";
import { fillVolumes, withVolumePaths } from "./run-volumes.js";
import type { StoredContainer } from "./stored-container.js";

export interface RunRequest {
  readonly containers: string;
  readonly directory: ContainerDirectory;
  readonly stored: StoredContainer;
  readonly images: RootImages;
  readonly roots: MountedRoots;
  readonly runtime: OciRuntime;
  /** `<store>/volumes`. */
  readonly volumes: string;
  /** Told when the process has started, and when it has ended in the foreground. */
  readonly onEvent?: OnEvent | undefined;
}

export type OnEvent = (event: EventDraft) => void;

/**
 * Mounts a container's root, checks what its process relies on there and writes the runtime's configuration, then does `work`. When that, or any of
 * this, fails before a process has run, the container is what it was.
 *
 * @param work Gets what keeps the container's network up, when it has to be kept: whoever holds that descriptor.
 * @throws VarveError MOUNT_UNAVAILABLE, UNSUPPORTED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, WRONG_TYPE, SOURCE_MISSING and what `work` throws.
 */
export async function withPreparedRun<T>(request: RunRequest, work: (lifeline: number | undefined) => Promise<T>): Promise<T> {
  const { directory, stored, runtime } = request;
  if (!runtime.cgroups && Object.keys(stored.record.configuration.limits).length > 0) throw limitsUnavailable();
  requireOomScore(stored.record.configuration.oomScoreAdjustment);
  const isFirst = !existsSync(directory.file("config.json"));
  const held: number[] = [];
  try {
    writeBundle(request, mountRoot(request), held);
    return await work(held[0]);
  } catch (error) {
    // Without a bundle its state tells that no process has ever run in it.
    if (isFirst && !hasStarted(directory) && !mayHaveWritten(error, request))
      rmSync(directory.file("config.json"), { force: true });
    throw error;
  } finally {
    held.forEach(closeDescriptor);
  }
}

/** Ends and removes what a run leaves in the system, but mounts: the kernel ends those with the processes. */
export function clearRun(directory: ContainerDirectory): void {
  const pid = livingProcess(directory);
  if (pid !== undefined) sendSignal(pid, "SIGKILL");
  // The cgroup knows it, and goes now.
  if (memoryKills(directory.id) > 0 && existsSync(directory.path)) directory.noteMemoryKill();
  removeCgroups(directory.id);
  directory.removeRunFiles();
  tearDownNetwork(path.dirname(directory.path), directory.id);
}

export function limitsUnavailable(): VarveError {
  if (isInUserNamespace()) {
    return new VarveError("UNSUPPORTED", "Cannot limit the container: this user may not make cgroups", {
      hint: "Limits need root here. Without --memory, --pids-limit and --cpus the container can run.",
    });
  }
  return new VarveError("UNSUPPORTED", "Cannot limit the container: no OCI runtime can make cgroups on this machine", {
    hint: '"varve doctor" tells what each runtime says. Without limits of memory, processors, processes and block I/O the container can run.',
  });
}

function mountRoot({ containers, directory, stored, images, roots, runtime }: RunRequest): string {
  makeMountPointLayer(containers);
  const fresh = directory.fresh(stored.generation);
  const { upper, work } = directory.overlayPaths(stored.generation);
  const beforeOverlay = (topmost: string): void => {
    if (!existsSync(fresh)) return;
    if (readdirSync(directory.upper(stored.generation)).length === 0) copyRootAttributes(topmost, upper);
    noteWrittenIds(directory, stored.generation);
    rmSync(fresh);
  };
  return roots.mount(
    { images, mountPoints: MOUNT_POINTS, upper, work, withoutDevices: !runtime.cgroups },
    directory.id,
    beforeOverlay,
  );
}

/** @param held Gets a descriptor that keeps the network up, as soon as there is one. */
function writeBundle(
  { containers, directory, stored: { record }, runtime, roots, volumes }: RunRequest,
  rootPath: string,
  held: number[],
): void {
  const { id } = record;
  const available = ownCapabilities();
  requireGivable(record.configuration, available);
  requirePlatform(record.configuration.platform, { architecture: process.arch, hasOtherFormats });
  const root = openAt(AT_FDCWD, latin1(rootPath), O_PATH);
  try {
    preparePlaces(record.configuration, root, (name) => volumePath(volumes, name));
    const user = checkProgram(record.configuration, root);
    const isolated = isolationParts(record.configuration, containers);
    const sharedMemory = joinSharedMemory({ containers, roots, id }, record.configuration.namespaces ?? {});
    const network = setUpNetwork(containers, record, (other) => livingProcess(new ContainerDirectory(containers, other)));
    if (network?.lifeline !== undefined) held.push(network.lifeline);
    // Volumes come to be when nothing is known that keeps the process from its start.
    const configuration = withTmpfsOwners(withVolumePaths(record.configuration, volumes), root);
    fillVolumes(configuration, root);
    const files = writeIdentityFiles(directory.file("etc"), configuration, root, network);
    const machine = {
      cgroups: runtime.cgroups,
      limitsSwap: canLimitSwap(),
      architecture: process.arch,
      terminalSize: terminalSize(1) ?? terminalSize(2),
      available,
      networkNamespace: network?.namespace,
      userNamespace: ownNamespace(),
    };
    const bundle = { id, root: rootPath, configuration, user, files, ...machine, ...isolated, sharedMemory };
    writeFileSync(directory.file("config.json"), configurationText(runtimeConfiguration(bundle)), { mode: 0o600 });
    mkdirSync(directory.file("runtime"), { recursive: true, mode: 0o700 });
  } finally {
    closeDescriptor(root);
  }
}

/** What of the machine a container gets, or shares. */
function isolationParts(
  { security, devices = [], init, namespaces = {} }: RunConfiguration,
  containers: string,
): Pick<RuntimeRequest, "devices" | "init" | "joined"> {
  return {
    devices: containerDevices(devices, security?.privileged === true),
    init: init === true ? findInit() : undefined,
    joined: joinedNamespaces(containers, namespaces),
  };
}

/** A runtime that never wrote the pid down never started the process: then its status is its own, not the process's. */
export function hasStarted(directory: ContainerDirectory): boolean {
  return existsSync(directory.file("pid")) && !isExecFailure(loggedErrors(directory));
}

/** On a full disk the runtime can't write down that the process runs, which may have filled it. */
function mayHaveWritten(error: unknown, { directory, stored }: RunRequest): boolean {
  if (!(error instanceof VarveError) || error.code !== "DISK_FULL") return false;
  return readdirSync(directory.upper(stored.generation)).length > 0;
}

export function loggedErrors(directory: ContainerDirectory): readonly string[] {
  const log = directory.file("runtime.log");
  return runtimeErrors(existsSync(log) ? readFileSync(log, "utf8") : "");
}

export function movedMeanwhile(name: string): VarveError {
  return new VarveError("CONFLICT", `Cannot start container "${name}": another command moved it to another commit meanwhile`, {
    hint: "Start it again.",
  });
}
