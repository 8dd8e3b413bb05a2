import { renameSync, writeFileSync } from "node:fs";
import { readRegularFile } from "../../linux/regular-file.js";
import { readIdMap, userNamespaceOf } from "../../linux/user-namespace.js";
import { startOf } from "../own-process.js";
import { pauseThread } from "../pause-thread.js";

const LARGEST_FILE_BYTES = 2 ** 20;
const ATTEMPTS = 400;
const PAUSE_MILLISECONDS = 5;

/**
 * Notes which processes were started in a store's user namespace, so that the next command joins them: all processes on a store's containers have to
 * be in one namespace, for the kernel lets none look into, or join, a process of another that lies beside its own.
 */
export class NamespaceMembers {
  readonly #file: string;
  readonly #members: readonly Member[];

  /** Under the lock of the namespace's making. */
  constructor(file: string) {
    this.#file = file;
    this.#members = readMembers(file).filter(isAlive);
  }

  /** A process that is in the namespace now. A command that is about to enter one is waited for. */
  find(): number | undefined {
    return this.#members.find(({ pid }) => entered(pid))?.pid;
  }

  /** Adds this process. Without more: who is killed before it enters the namespace is no member. */
  addSelf(): void {
    const own = { pid: process.pid, start: startOf(process.pid) ?? "" };
    const lines = [...this.#members, own].map(({ pid, start }) => `${pid} ${start}\n`);
    writeFileSync(`${this.#file}.new`, lines.join(""), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

interface Member {
  readonly pid: number;
  /** In clock ticks since the machine started: field 22 of /proc/PID/stat. */
  readonly start: string;
}

function readMembers(file: string): Member[] {
  try {
    const lines = readRegularFile(file, { largest: LARGEST_FILE_BYTES }).toString("latin1").split("\n");
    return lines.flatMap((line) => {
      const [, pid, start] = /^([1-9][0-9]{0,9}) ([0-9]{1,20})$/.exec(line) ?? [];
      return pid === undefined || start === undefined ? [] : [{ pid: Number(pid), start }];
    });
  } catch {
    return [];
  }
}

function isAlive({ pid, start }: Member): boolean {
  return pid !== process.pid && startOf(pid) === start;
}

/** Whether a process of this user stands in another namespace than we do: one below ours, since we may look at it. */
function entered(pid: number): boolean {
  const own = userNamespaceOf("self");
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = userNamespaceOf(pid);
    if (found === undefined) return false;
    if (found !== own && hasIds(pid)) return true;
    pauseThread(PAUSE_MILLISECONDS);
  }
  return false;
}

/** newuidmap and newgidmap are called a moment after the namespace was made. */
function hasIds(pid: number): boolean {
  try {
    return readIdMap("uid", pid).length > 0 && readIdMap("gid", pid).length > 0;
  } catch {
    return false;
  }
}
