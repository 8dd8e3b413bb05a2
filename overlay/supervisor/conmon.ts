import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import type { Readable } from "node:stream";
import { VarveError } from "../../core/errors.js";
import { findExecutable } from "../rootfs/executable-search.js";
import type { OciRuntime } from "../runtime/oci-runtime.js";

/** Where podman's packages keep it, beside the folders of all programs. */
const FOLDERS = ["/usr/local/libexec/podman", "/usr/libexec/podman"];
/** What it answers is one line of JSON. */
const LARGEST_ANSWER = 2 ** 16;

/** @returns Its absolute path; `undefined` when this machine has none. */
export function findConmon(searchPath: string = process.env["PATH"] ?? ""): string | undefined {
  return findExecutable("conmon", [searchPath, ...FOLDERS].join(":"));
}

/** @throws VarveError RUNTIME_MISSING. */
export function requireConmon(): string {
  const found = findConmon();
  if (found !== undefined) return found;
  throw new VarveError(
    "RUNTIME_MISSING",
    "Cannot run a container in the background: there is no conmon, which keeps its output",
    {
      hint: 'Install the package conmon, such as with "apt-get install conmon". Without -d the container can run.',
    },
  );
}

export interface SupervisedRun {
  /** Absolute. */
  readonly conmon: string;
  readonly runtime: OciRuntime;
  readonly id: string;
  readonly name: string;
  /** Holds config.json; conmon makes its sockets there. Absolute. */
  readonly bundle: string;
  /** The runtime's own state, a directory that this container alone uses. */
  readonly state: string;
  /** The runtime's log, as `RunPaths.log`. */
  readonly runtimeLog: string;
  readonly pidFile: string;
  readonly conmonPidFile: string;
  /** In the bundle: what the process writes, in the form that `readLog` reads. */
  readonly log: string;
  /** The log is begun anew when it has so many bytes. */
  readonly logBytes?: number | undefined;
  /** Holds a file named by the container's id with the exit code, as soon as the process has ended. */
  readonly exits: string;
  readonly terminal: boolean;
  /** Whether input can come, by `attach`. */
  readonly interactive: boolean;
  /** Run when the process has ended, in conmon's own mount namespace. */
  readonly endCommand?: readonly string[] | undefined;
  /** A descriptor that conmon holds for as long as it lives. */
  readonly lifeline?: number | undefined;
}

/**
 * Has conmon create a container, which does not run yet: `runtime start` is what starts its process. conmon outlives this process, and ends with
 * the container's.
 *
 * @returns The pid of the container's first process; `undefined` when the runtime could not create it: its log tells why.
 * @throws VarveError RUNTIME_FAILED.
 */
export async function createSupervised(run: SupervisedRun): Promise<number | undefined> {
  const child = spawn(run.conmon, conmonArguments(run), {
    // In a session of its own: a closing terminal, or its Ctrl-C, is not for the container.
    detached: true,
    cwd: run.bundle,
    stdio: ["ignore", "ignore", "ignore", "pipe", ...(run.lifeline === undefined ? [] : [run.lifeline])],
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      _OCI_SYNCPIPE: "3",
      // In another locale it refuses words that are no ASCII, such as the path of a store.
      LC_ALL: "C.UTF-8",
    },
  });
  return answerOf(await firstLine(child, run.conmon));
}

function conmonArguments(run: SupervisedRun): string[] {
  const runtimeWords = [...run.runtime.options, "--root", run.state, "--log", run.runtimeLog, "--log-format", "json"];
  const [endProgram, ...endWords] = run.endCommand ?? [];
  return [
    ["--api-version", "1"],
    ["--cid", run.id, "--cuuid", run.id, "--name", run.name],
    ["--bundle", run.bundle, "--runtime", run.runtime.path],
    ...runtimeWords.map((word) => ["--runtime-arg", word]),
    ["--container-pidfile", run.pidFile, "--conmon-pidfile", run.conmonPidFile],
    // It takes what follows a colon for another word, and stays in the directory that it was started in.
    ["--log-path", `k8s-file:${path.relative(run.bundle, run.log)}`, "--log-level", "error"],
    ...(run.logBytes === undefined ? [] : [["--log-size-max", String(run.logBytes)]]),
    ["--exit-dir", run.exits],
    // The path of its socket may be longer than a socket's address takes: conmon goes there by a descriptor.
    ["--full-attach"],
    run.terminal ? ["--terminal"] : [],
    run.interactive ? ["--stdin"] : [],
    ...(endProgram === undefined
      ? []
      : [["--exit-command", endProgram], ...endWords.map((word) => ["--exit-command-arg", word])]),
  ].flat();
}

function firstLine(child: ChildProcess, program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const refused = (state: string, cause?: unknown): VarveError =>
      new VarveError("RUNTIME_FAILED", `Cannot run a container in the background: ${state}`, { path: program, cause });
    const pipe = child.stdio[3] as Readable;
    let text = "";
    child.once("error", (cause) => reject(refused("the system refuses to run conmon", cause)));
    pipe.on("data", (piece: Buffer) => {
      text += piece.toString("utf8");
      if (!text.includes("\n") && text.length < LARGEST_ANSWER) return;
      pipe.destroy();
      resolve(text);
    });
    pipe.once("end", () => reject(refused("conmon ended before the container was there")));
  });
}

/** `{"data": PID}`, or a number below one with a message when the runtime failed. */
function answerOf(line: string): number | undefined {
  try {
    const { data } = JSON.parse(line) as { readonly data?: unknown };
    return typeof data === "number" && data > 0 ? data : undefined;
  } catch {
    return undefined;
  }
}
