import { spawn, spawnSync, type ChildProcess, type SpawnOptions, type StdioOptions } from "node:child_process";

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
 * (128 + n for a signal), and cleans up after itself.
 *
 * @param ownSession Keeps the terminal's Ctrl-C away from the runtime. Not for a container with a terminal: there it must read keys.
 */
export function startRuntime(
  runtime: OciRuntime,
  paths: RunPaths,
  id: string,
  stdio: StdioOptions,
  ownSession: boolean,
): ChildProcess {
  const options: SpawnOptions = { stdio, detached: ownSession, env: ENVIRONMENT, cwd: "/" };
  return spawn(runtime.path, runArguments(runtime, paths, id), options);
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
