import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { PublishedPort } from "../../core/ports/endpoints.js";
import type { UserNetwork } from "../../core/ports/networks.js";
import { hasCode } from "../../linux/errno.js";
import { connectStreamSocket, shutDownSocket } from "../../linux/local-socket.js";
import { MNT_DETACH, mount, MS_BIND, MS_NODEV, MS_NOSUID, unmount } from "../../linux/mount.js";
import { inPassingMountNamespace } from "../../linux/namespaces.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { makePipe } from "../../linux/pipe.js";
import { withWorkingDirectory } from "../../linux/working-directory.js";
import { isAlive, markOf, type ProcessMark } from "../own-process.js";
import { pauseThread } from "../pause-thread.js";
import { findExecutable } from "../rootfs/executable-search.js";
import { helperWords, type HelperAddresses } from "./helper-programs.js";

const POLL_MILLISECONDS = 2;
const START_MILLISECONDS = 10_000;
const END_MILLISECONDS = 5000;
const LARGEST_ANSWER = 2 ** 16;

/**
 * The keeper of a helper: first process of a pid namespace in which the helper is, so that the kernel ends the helper with it. Its input is the
 * lifeline, which ends with all who hold the other end: varve, and the container's supervisor. When these are gone the container's process still
 * may not be: then it looks once a second whether that stands in the network namespace.
 */
const KEEPER = `
tool=$1 namespace=$2 pidfile=$3
shift 3
read -r self rest < /proc/self/stat
case $tool in
  pasta) "$@" < /dev/null > /dev/null 3>&- || exit 1 ;;
  slirp4netns) [ "$({ "$@" 3>&1 < /dev/null > /dev/null & })" = 1 ] || exit 1 ;;
esac
echo "$self" >&3
exec 3>&-
read -r rest
pid=
[ -r "$pidfile" ] && read -r pid < "$pidfile"
while [ -n "$pid" ] && [ "/proc/$pid/ns/net" -ef "$namespace" ]; do sleep 1; done
`;

export interface HelperRequest {
  readonly tool: UserNetwork;
  /** Absolute. */
  readonly program: string;
  /** Where the network namespace is mounted, among the mounts of this run. */
  readonly namespace: string;
  /** For its files, absolute. */
  readonly folder: string;
  /** Names in the folder. */
  readonly log: string;
  readonly socket: string;
  /** Where the runtime notes the container's first process, absolute. */
  readonly pidFile: string;
  readonly addresses: HelperAddresses;
  readonly ports: readonly PublishedPort[];
  readonly hardwareAddress: string | undefined;
}

export interface RunningHelper {
  readonly keeper: ProcessMark;
  /** Whoever holds it open keeps the network. For the caller to close. */
  readonly lifeline: number;
}

/**
 * Starts the process that ties a network namespace to this machine's network, and waits until it does. It is not in the mount namespace of the run,
 * whose mounts it would keep.
 *
 * @throws VarveError RUNTIME_FAILED, RUNTIME_MISSING.
 */
export function startHelper(request: HelperRequest): RunningHelper {
  const life = makePipe({ blocks: true });
  const ready = makePipe({ blocks: false });
  const log = openSync(path.join(request.folder, request.log), "w", 0o600);
  try {
    const child = spawnKeeper(request, [life.output, ready.input, log]);
    closeDescriptor(ready.input);
    const pid = awaitReady(ready.output, child);
    if (pid === undefined) throw helperFailure(request);
    const keeper = markOf(pid);
    try {
      if (request.tool === "slirp4netns") for (const port of request.ports) forwardPort(request, port);
    } catch (error) {
      endHelper(keeper);
      throw error;
    }
    return { keeper, lifeline: life.input };
  } catch (error) {
    closeDescriptor(life.input);
    throw error;
  } finally {
    closeDescriptor(life.output);
    closeDescriptor(ready.output);
    closeSync(log);
  }
}

/**
 * Does nothing when it has ended. Nothing of it is there afterwards: the kernel lets the first process of a pid namespace end last.
 *
 * @param keeper As a record tells it, which may be of anybody: no other process is ended.
 */
export function endHelper(keeper: ProcessMark): void {
  for (let waited = 0; isKept(keeper) && waited < END_MILLISECONDS; waited += POLL_MILLISECONDS) {
    try {
      process.kill(keeper.pid, "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
    pauseThread(POLL_MILLISECONDS);
  }
}

/** Whether a keeper runs. One that has ended, and that nobody has waited for, has no command line. */
export function isKept(keeper: ProcessMark): boolean {
  if (!isAlive(keeper)) return false;
  try {
    return readFileSync(`/proc/${keeper.pid}/cmdline`, "utf8").includes(KEEPER);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return false;
    throw error;
  }
}

function spawnKeeper(request: HelperRequest, [life, ready, log]: readonly [number, number, number]): ChildProcess {
  const { tool, program, namespace, folder, pidFile } = request;
  const unshare = findExecutable("unshare");
  if (unshare === undefined) {
    throw new VarveError("RUNTIME_MISSING", `Cannot start ${tool}: there is no unshare(1)`, {
      hint: 'Install the package "util-linux".',
    });
  }
  return withWorkingDirectory("/", () =>
    inPassingMountNamespace(() => {
      const place = showNamespace(namespace);
      const words = ["-c", KEEPER, "keeper", tool, place, pidFile, program, ...helperWords(tool, { ...request, place })];
      const child = spawn(unshare, ["--pid", "--fork", "--kill-child", "--", "/bin/sh", ...words], {
        // In a session of its own: a closing terminal, or its Ctrl-C, is not for the network.
        detached: true,
        cwd: folder,
        stdio: [life, log, log, ready],
        env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      });
      // That it has not started is told by the pipe.
      child.once("error", () => undefined);
      child.unref();
      return child;
    }),
  );
}

/** The place where AppArmor's profile of Debian lets pasta look for namespaces. Hidden by this in the helper's own mount namespace alone. */
const USERS = "/run/user";

/** In a mount namespace of its own: mounts the network namespace at a place apart, and takes down all other mounts of the run. @returns The place. */
function showNamespace(namespace: string): string {
  const mounts = path.dirname(namespace);
  const descriptor = openAt(AT_FDCWD, latin1(namespace), 0);
  try {
    leave(mounts);
    const around = existsSync(USERS) ? USERS : mounts;
    mount({ source: "varve", target: latin1(around), type: "tmpfs", flags: MS_NOSUID | MS_NODEV, data: "mode=0700" });
    const folder = path.join(around, "0/netns");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const place = path.join(folder, "container");
    closeSync(openSync(place, "w", 0o600));
    mount({ source: `/proc/self/fd/${descriptor}`, target: latin1(place), type: "none", flags: MS_BIND });
    return place;
  } finally {
    closeDescriptor(descriptor);
  }
}

function leave(mounts: string): void {
  try {
    unmount(latin1(mounts), MNT_DETACH);
  } catch (error) {
    if (!hasCode(error, "EINVAL")) throw error;
  }
}

/** @returns The keeper's pid; `undefined` when the helper has failed. */
function awaitReady(descriptor: number, child: ChildProcess): number | undefined {
  const buffer = Buffer.alloc(64);
  for (let waited = 0; child.pid !== undefined && waited < START_MILLISECONDS; waited += POLL_MILLISECONDS) {
    try {
      const count = readSync(descriptor, buffer, 0, buffer.length, null);
      const pid = Number(buffer.toString("latin1", 0, count));
      return pid > 0 ? pid : undefined;
    } catch (error) {
      if (!hasCode(error, "EAGAIN")) throw error;
      pauseThread(POLL_MILLISECONDS);
    }
  }
  child.kill("SIGKILL");
  return undefined;
}

function helperFailure({ tool, program, folder, log }: HelperRequest): VarveError {
  const lines = readFileSync(path.join(folder, log), "utf8").split("\n");
  // Without a system logger pasta tells so before each line.
  const says = lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^Failed to send \d+ bytes to syslog$/.test(line));
  const hint = /routable interface/i.test(says.join())
    ? "pasta needs a network device of this machine with a default route; slirp4netns does not: --network slirp4netns."
    : undefined;
  return new VarveError(
    "RUNTIME_FAILED",
    `Cannot tie the container to the network "${tool}": ${says.length === 0 ? "it did not start" : `${tool} says: ${says.join(" ")}`}`,
    { path: program, hint },
  );
}

/** Has slirp4netns let a port of this machine lead to the container. @throws VarveError RUNTIME_FAILED. */
function forwardPort({ folder, socket, addresses, program }: HelperRequest, port: PublishedPort): void {
  const { protocol, hostAddress, hostPort, containerPort } = port;
  const request = {
    execute: "add_hostfwd",
    arguments: {
      proto: protocol,
      host_addr: hostAddress === "" ? "0.0.0.0" : hostAddress,
      host_port: hostPort,
      guest_addr: addresses.container,
      guest_port: containerPort,
    },
  };
  const answer = askSocket(folder, socket, JSON.stringify(request));
  const { error } = JSON.parse(answer || '{"error":{"desc":"no answer"}}') as { readonly error?: { readonly desc?: string } };
  if (error === undefined) return;
  throw new VarveError("RUNTIME_FAILED", `Cannot publish port ${hostPort}/${protocol}: slirp4netns says: ${error.desc ?? ""}`, {
    path: program,
  });
}

function askSocket(folder: string, name: string, text: string): string {
  // By a descriptor: the path may be longer than a socket's address takes.
  const place = openAt(AT_FDCWD, latin1(folder), O_PATH);
  try {
    const descriptor = connectStreamSocket(`/proc/self/fd/${place}/${name}`);
    try {
      writeSync(descriptor, text);
      shutDownSocket(descriptor, "output");
      const buffer = Buffer.alloc(LARGEST_ANSWER);
      return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, null));
    } finally {
      closeDescriptor(descriptor);
    }
  } finally {
    closeDescriptor(place);
  }
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
