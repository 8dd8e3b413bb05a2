import { spawnSync } from "node:child_process";
import { VarveError } from "../../core/errors.js";
import { SystemCallError } from "../../linux/errno.js";
import { spawnProcess, type SpawnedProcess, type SpawnRequest } from "../../linux/spawn.js";

/** An OCI runtime and how it has to be called on this machine. */
export interface OciRuntime {
  /** `crun`, `runc`, `youki`. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Before the command word, such as `--cgroup-manager=disabled`. */
  readonly options: readonly string[];
  /** Whether it makes cgroups here: limits, pause and the device filter need them. */
  readonly cgroups: boolean;
}

export interface RunPaths {
  /** The runtime's own state, a directory that this container alone uses. */
  readonly state: string;
  /** Holds config.json. */
  readonly bundle: string;
  readonly pidFile: string;
  readonly log: string;
}

/** Nothing of our environment may reach the runtime: NOTIFY_SOCKET and LISTEN_FDS would be handed on to the container. */
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

function runArguments({ options }: OciRuntime, { state, bundle, pidFile, log }: RunPaths, id: string): string[] {
  return [
    ...options,
    "--root",
    state,
    "--log",
    log,
    "--log-format",
    "json",
    "run",
    "--bundle",
    bundle,
    "--pid-file",
    pidFile,
    id,
  ];
}

/**
 * Starts a container in the foreground: the runtime hands input and output through, ends with the process, gives its exit code
 * (128 + n for a signal), and cleans up after itself, but for the cgroup where it can keep that: it tells what became of the memory.
 *
 * @param ownSession Keeps the terminal's Ctrl-C away from the runtime. Not for a container with a terminal: there it must read keys.
 */
export function startRuntime(
  runtime: OciRuntime,
  paths: RunPaths,
  id: string,
  streams: SpawnRequest["streams"],
  ownSession: boolean,
): SpawnedProcess {
  const words = runArguments(runtime, paths, id);
  // crun has no such option.
  if (runtime.name === "runc") words.splice(words.indexOf("run") + 1, 0, "--keep");
  return spawnRuntime(runtime.path, words, streams, ownSession);
}

/** The same without input or output, waited for. For probes. @returns The exit code, or `undefined` when it hung or did not start. */
export function runRuntimeToEnd(
  runtime: OciRuntime,
  paths: RunPaths,
  id: string,
  timeoutMilliseconds: number,
): number | undefined {
  const { status } = spawnSync(runtime.path, runArguments(runtime, paths, id), {
    stdio: "ignore",
    env: ENVIRONMENT,
    cwd: "/",
    timeout: timeoutMilliseconds,
    killSignal: "SIGKILL",
  });
  return status ?? undefined;
}

/** Starts the process of a container that was created. @returns The runtime's exit status; `undefined` when it did not start. */
export function startCreated(
  { path, options }: OciRuntime,
  { state, log }: Pick<RunPaths, "state" | "log">,
  id: string,
): number | undefined {
  const words = [...options, "--root", state, "--log", log, "--log-format", "json", "start", id];
  return spawnSync(path, words, { stdio: "ignore", env: ENVIRONMENT, cwd: "/" }).status ?? undefined;
}

/** Gives a container that runs other resources. @param resources Holds `linux.resources`. @returns The runtime's exit status. */
export function updateRunning(
  { path, options }: OciRuntime,
  { state, log }: Pick<RunPaths, "state" | "log">,
  id: string,
  resources: string,
): number | undefined {
  const words = [...options, "--root", state, "--log", log, "--log-format", "json", "update", "--resources", resources, id];
  return spawnSync(path, words, { stdio: "ignore", env: ENVIRONMENT, cwd: "/" }).status ?? undefined;
}

export interface ExecPaths extends Pick<RunPaths, "state" | "log"> {
  /** Holds the `process` of an OCI configuration. */
  readonly process: string;
}

/**
 * Starts a process in a container that runs. The runtime hands input and output through and ends with the process, unless it is detached: then it
 * ends as soon as the process runs.
 */
export function startExec(
  { path, options }: OciRuntime,
  { state, log, process }: ExecPaths,
  id: string,
  { detached, interactive, terminal }: { readonly detached: boolean; readonly interactive: boolean; readonly terminal: boolean },
): SpawnedProcess {
  const words = [...options, "--root", state, "--log", log, "--log-format", "json", "exec", ...(detached ? ["--detach"] : [])];
  const isRead = interactive || terminal;
  const output = detached ? "ignore" : "inherit";
  return spawnRuntime(
    path,
    [...words, "--process", process, id],
    [isRead && !detached ? "inherit" : "ignore", output, output],
    // As of `startRuntime`.
    !terminal,
  );
}

/** @throws VarveError RUNTIME_FAILED. */
function spawnRuntime(
  path: string,
  words: readonly string[],
  streams: SpawnRequest["streams"],
  ownSession: boolean,
): SpawnedProcess {
  try {
    return spawnProcess({ path, words, environment: ENVIRONMENT, streams, ownSession });
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw new VarveError("RUNTIME_FAILED", "Cannot start the OCI runtime: the system refuses to run it", { path, cause });
  }
}
