import type { ChildProcess, StdioOptions } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import { isatty } from "node:tty";
import { VarveError } from "../../core/errors.js";
import type { ProcessResult } from "../../core/ports/containers.js";
import type { LayerImageFile } from "../../core/ports/layer-store.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { saveTerminal, terminalSize } from "../../linux/terminal.js";
import { removeCgroups } from "../runtime/cgroups.js";
import { checkCommand, type RootView } from "../rootfs/command-lookup.js";
import { latin1, type ContainerDirectory } from "./container-directory.js";
import { makeMountPointLayer, MOUNT_POINTS, writeIdentityFiles } from "./container-mounts.js";
import { isStarting, livingProcess, sendSignal } from "./container-process.js";
import { resolveUser } from "../rootfs/container-user.js";
import type { MountedRoots } from "../mounts/mounted-roots.js";
import { startRuntime, type OciRuntime } from "../runtime/oci-runtime.js";
import { PROGRAM_HEAD_BYTES } from "../rootfs/program-interpreter.js";
import { readUserDatabase } from "../rootfs/read-user-database.js";
import { copyRootAttributes } from "../rootfs/root-attributes.js";
import { readRootHead, rootFileMode } from "../rootfs/root-files.js";
import { environmentOf, runtimeConfiguration } from "../runtime/runtime-configuration.js";
import { isExecFailure, runtimeErrors, runtimeFailure } from "../runtime/runtime-log.js";
import { preparePlaces } from "./run-places.js";
import { forwardSignals } from "./signal-forwarding.js";
import type { StoredContainer } from "./stored-container.js";

export interface RunRequest {
  readonly containers: string;
  readonly directory: ContainerDirectory;
  readonly stored: StoredContainer;
  /** Newest first; `machine`: this machine's own root in their place. */
  readonly images: readonly LayerImageFile[] | "machine";
  readonly roots: MountedRoots;
  readonly runtime: OciRuntime;
}

/** `Containers.run` for a container that is not running, under its lock. Nothing is mounted or running when it ends. */
export async function runContainer(request: RunRequest): Promise<ProcessResult> {
  const { directory, roots, stored, runtime } = request;
  checkTerminal(stored.record.configuration);
  if (!runtime.cgroups && Object.keys(stored.record.configuration.limits).length > 0) throw limitsUnavailable();
  const isFirst = !existsSync(directory.file("config.json"));
  try {
    writeBundle(request, mountRoot(request));
    return await superviseProcess(directory, stored, runtime);
  } catch (error) {
    // Without a bundle its state tells that no process has ever run in it.
    if (isFirst && !hasStarted(directory) && !mayHaveWritten(error, request))
      rmSync(directory.file("config.json"), { force: true });
    throw error;
  } finally {
    roots.unmount(directory.id);
    clearRun(directory);
  }
}

/** Ends and removes what a run leaves in the system, but mounts: the kernel ends those with the processes. */
export function clearRun(directory: ContainerDirectory): void {
  const pid = livingProcess(directory);
  if (pid !== undefined) sendSignal(pid, "SIGKILL");
  removeCgroups(directory.id);
  directory.removeRunFiles();
}

function checkTerminal({ terminal, interactive }: { readonly terminal: boolean; readonly interactive: boolean }): void {
  const usable = interactive ? isatty(0) : [0, 1, 2].some(isatty);
  if (!terminal || usable) return;
  throw new VarveError("USAGE", "Cannot give the container a terminal: the input device is not a terminal", {
    hint: "Leave out -t when input comes from a pipe or a file.",
  });
}

function limitsUnavailable(): VarveError {
  return new VarveError("UNSUPPORTED", "Cannot limit the container: no OCI runtime can make cgroups on this machine", {
    hint: '"varve doctor" tells what each runtime says. Without --memory, --pids-limit and --cpus the container can run.',
  });
}

function mountRoot({ containers, directory, stored, images, roots, runtime }: RunRequest): string {
  makeMountPointLayer(containers);
  const fresh = directory.fresh(stored.generation);
  const { upper, work } = directory.overlayPaths(stored.generation);
  const beforeOverlay = (topmost: string): void => {
    if (!existsSync(fresh)) return;
    if (readdirSync(directory.upper(stored.generation)).length === 0) copyRootAttributes(topmost, upper);
    rmSync(fresh);
  };
  return roots.mount(
    { images, mountPoints: MOUNT_POINTS, upper, work, withoutDevices: !runtime.cgroups },
    directory.id,
    beforeOverlay,
  );
}

function writeBundle({ directory, stored: { record }, runtime }: RunRequest, rootPath: string): void {
  const { configuration, id } = record;
  const root = openAt(AT_FDCWD, latin1(rootPath), O_PATH);
  try {
    preparePlaces(configuration, root);
    const user = resolveUser(configuration.user, readUserDatabase(root));
    const searchPath = environmentOf(configuration, user)
      .find((variable) => variable.startsWith("PATH="))!
      .slice("PATH=".length);
    checkCommand(configuration, searchPath, rootView(root));
    const files = writeIdentityFiles(directory.file("etc"), configuration, root);
    // crun takes a terminal's size from the configuration alone.
    const size = configuration.terminal ? (terminalSize(1) ?? terminalSize(2)) : undefined;
    const machine = { cgroups: runtime.cgroups, architecture: process.arch, terminalSize: size };
    const bundle = { id, root: rootPath, configuration, user, files, ...machine };
    writeFileSync(directory.file("config.json"), JSON.stringify(runtimeConfiguration(bundle)), { mode: 0o600 });
    mkdirSync(directory.file("runtime"), { recursive: true, mode: 0o700 });
  } finally {
    closeDescriptor(root);
  }
}

function rootView(root: number): RootView {
  return {
    modeOf: (file) => rootFileMode(root, latin1(file)),
    headOf: (file) => readRootHead(root, latin1(file), PROGRAM_HEAD_BYTES),
    get hasOtherFormats() {
      return hasOtherFormats();
    },
  };
}

/** The kernel shows each as a file beside these two. */
function hasOtherFormats(): boolean {
  const folder = "/proc/sys/fs/binfmt_misc";
  return existsSync(`${folder}/status`) && readdirSync(folder).some((name) => name !== "register" && name !== "status");
}

async function superviseProcess(
  directory: ContainerDirectory,
  { record }: StoredContainer,
  runtime: OciRuntime,
): Promise<ProcessResult> {
  const { terminal, interactive, command } = record.configuration;
  const paths = {
    state: directory.file("runtime"),
    bundle: directory.path,
    pidFile: directory.file("pid"),
    log: directory.file("runtime.log"),
  };
  // A process with a terminal writes to that alone; what the runtime would say itself stands in its log, too. But it looks for our
  // terminal among these.
  // A terminal that the runtime makes raw, and nobody reads, would swallow Ctrl-C: what is typed goes to the process without -i, too.
  const isRead = interactive || (terminal && isatty(0));
  const stdio: StdioOptions = [isRead ? "inherit" : "ignore", "inherit", terminal && isatty(1) ? "ignore" : "inherit"];
  const restoreTerminal = terminal && isatty(0) ? saveTerminal(0) : undefined;
  const begin = performance.now();
  const child = startRuntime(runtime, paths, record.id, stdio, !terminal);
  const signals = forwardSignals(
    () => {
      const pid = livingProcess(directory);
      return pid === undefined || isStarting(pid, child.pid) ? undefined : pid;
    },
    () => child.kill("SIGKILL"),
  );
  try {
    const status = await endOf(child, runtime);
    const durationMilliseconds = performance.now() - begin;
    // A process that handled the signal and ended by its own will has the last word.
    if (signals.first === "SIGINT" && status >= 128) throw interrupted(record.name);
    if (signals.first !== undefined && status >= 128)
      return { exitCode: 128 + os.constants.signals[signals.first], durationMilliseconds };
    if (!hasStarted(directory)) throw runtimeFailure(command[0] ?? "", loggedErrors(directory), runtime.name);
    return { exitCode: status, durationMilliseconds };
  } finally {
    signals.stop();
    restoreTerminal?.();
  }
}

/** Resolves with the exit status; 128 + n when signal n ended the runtime itself. */
function endOf(child: ChildProcess, { path }: OciRuntime): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) => resolve(code ?? 128 + os.constants.signals[signal!]));
    child.once("error", (cause) => {
      reject(new VarveError("RUNTIME_FAILED", "Cannot start the OCI runtime: the system refuses to run it", { path, cause }));
    });
  });
}

/** A runtime that never wrote the pid down never started the process: then its status is its own, not the process's. */
function hasStarted(directory: ContainerDirectory): boolean {
  return existsSync(directory.file("pid")) && !isExecFailure(loggedErrors(directory));
}

/** On a full disk the runtime can't write down that the process runs, which may have filled it. */
function mayHaveWritten(error: unknown, { directory, stored }: RunRequest): boolean {
  if (!(error instanceof VarveError) || error.code !== "DISK_FULL") return false;
  return readdirSync(directory.upper(stored.generation)).length > 0;
}

function loggedErrors(directory: ContainerDirectory): readonly string[] {
  const log = directory.file("runtime.log");
  return runtimeErrors(existsSync(log) ? readFileSync(log, "utf8") : "");
}

function interrupted(name: string): VarveError {
  return new VarveError("INTERRUPTED", `Cannot finish the run of container "${name}": it was interrupted and stopped`, {
    hint: `What it wrote until then stands in the container, unless that was to be removed (--rm): varve diff ${name}`,
  });
}
