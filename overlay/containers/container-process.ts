import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { readRegularFile } from "../../linux/regular-file.js";
import type { ContainerDirectory } from "./container-directory.js";

const LARGEST_PID_BYTES = 64;

/**
 * The first process of a container, as the system tells it: the pid that the runtime wrote down, when the process of that number
 * stands on this container's own overlay. So neither a reused number nor a reboot is mistaken for it, and no moment between the
 * start and a note of ours is lost to a kill -9.
 *
 * @returns Its id on the host; `undefined` when it is gone.
 */
export function livingProcess(directory: ContainerDirectory): number | undefined {
  return standing(readPid(directory.file("pid")), directory);
}

/**
 * The process that keeps a container of the background: it stands on the container's overlay, too, in whose mount namespace it was started.
 * @returns Its id; `undefined` when it is gone.
 */
export function livingSupervisor(directory: ContainerDirectory): number | undefined {
  return standing(readPid(directory.file("conmon.pid")), directory);
}

/** The process in whose mount namespace a run's images stand: the supervisor, or the command that runs it in the foreground. */
export function livingHolder(directory: ContainerDirectory): number | undefined {
  return livingSupervisor(directory) ?? standing(readPid(directory.file("command.pid")), directory);
}

function standing(pid: number | undefined, { id }: ContainerDirectory): number | undefined {
  return pid !== undefined && standsOn(pid, id) ? pid : undefined;
}

/** What else stands in the file's place was not written by us. */
function readPid(file: string): number | undefined {
  try {
    const text = readRegularFile(file, { largest: LARGEST_PID_BYTES }).toString("latin1").trim();
    return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ENXIO", "EACCES", "ELOOP", "EFTYPE", "EFBIG")) return undefined;
    throw error;
  }
}

/** A process that has ended but is not yet waited for has no mounts any more (EINVAL). */
function standsOn(pid: number, id: string): boolean {
  return (tryRead(`/proc/${pid}/mountinfo`) ?? "").includes(upperOf(id));
}

/** Whether a container's overlay is the very root of a process. @param folder What /proc shows of it. */
export function isRootedOn(folder: string, id: string): boolean {
  const mounts = (tryRead(`${folder}/mountinfo`) ?? "").split("\n");
  return mounts.some((line) => line.split(" ")[4] === "/" && line.includes(upperOf(id)));
}

function upperOf(id: string): string {
  return `upperdir=${id}/upper.`;
}

/**
 * Whether the runtime has made a container's first process, but the container's program is not in it yet: a signal that comes now is
 * taken by the runtime's own code, and lost.
 *
 * @param runtime The pid of the runtime: crun's is a copy of it until then, runc's calls itself `runc init`.
 */
export function isStarting(pid: number, runtime: number | undefined): boolean {
  const words = tryRead(`/proc/${pid}/cmdline`) ?? "";
  return /^([^\0]*\/)?runc\0init\0$/.test(words) || (runtime !== undefined && words === tryRead(`/proc/${runtime}/cmdline`));
}

/** What a first process does with a signal that comes from outside its namespace. */
export type SignalDisposition = "handled" | "ignored";

/**
 * The kernel drops signals to the first process of a pid namespace that it does not handle, all but SIGKILL. One that is blocked may
 * be waited for by signalfd or sigwait. While a process stands in sigtimedwait(2), as tini does, the kernel takes what it waits for out of SigBlk.
 */
export function signalDisposition(pid: number, signal: number): SignalDisposition {
  const status = tryRead(`/proc/${pid}/status`) ?? "";
  if (tryRead(`/proc/${pid}/wchan`)?.includes("sigtimedwait") === true) return "handled";
  return ["SigCgt", "SigBlk"].some((set) => hasSignal(status, set, signal)) ? "handled" : "ignored";
}

function hasSignal(status: string, set: string, signal: number): boolean {
  const mask = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

/** Every other process in the pid namespace of a container's first one. One look at each process of this machine. */
export function companionsOf(pid: number): readonly number[] {
  const namespace = pidNamespace(pid);
  if (namespace === undefined) return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((other) => other > 0 && other !== pid && pidNamespace(other) === namespace);
}

function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // Gone meanwhile, or not ours to look at.
    return undefined;
  }
}

/** @returns False when the process is gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EINVAL", "EACCES")) return undefined;
    throw error;
  }
}
