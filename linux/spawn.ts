import { constants } from "node:fs";
import os from "node:os";
import { SystemCallError } from "./errno.js";
import { declare, lastErrno } from "./native-library.js";
import { textTable, withEnd } from "./text-table.js";

const posixSpawn = declare(
  "int posix_spawn(void *pid, const void *path, const void *actions, const void *attributes, const void *words, const void *environment)",
);
const initActions = declare("int posix_spawn_file_actions_init(void *actions)");
const addOpen = declare(
  "int posix_spawn_file_actions_addopen(void *actions, int descriptor, const void *path, int flags, unsigned int mode)",
);
const addDup = declare("int posix_spawn_file_actions_adddup2(void *actions, int descriptor, int target)");
const addDirectory = declare("int posix_spawn_file_actions_addchdir_np(void *actions, const void *path)");
const destroyActions = declare("int posix_spawn_file_actions_destroy(void *actions)");
const initAttributes = declare("int posix_spawnattr_init(void *attributes)");
const setFlags = declare("int posix_spawnattr_setflags(void *attributes, short flags)");
const setDefaults = declare("int posix_spawnattr_setsigdefault(void *attributes, const void *signals)");
const setMask = declare("int posix_spawnattr_setsigmask(void *attributes, const void *signals)");
const destroyAttributes = declare("int posix_spawnattr_destroy(void *attributes)");
const fillSignals = declare("int sigfillset(void *signals)");
const waitpid = declare("int waitpid(int pid, void *status, int options)");

/** The largest of glibc's and musl's are 336 bytes, and 128 for a set of signals. */
const OPAQUE_BYTES = 512;
/** From spawn.h, the same in glibc and musl. */
const [SETSIGDEF, SETSIGMASK, SETSID] = [0x04, 0x08, 0x80];
/** From sys/wait.h. */
const WNOHANG = 1;
/** Should the kernel's notice be lost; it also keeps the event loop going. */
const LOOK_MILLISECONDS = 1000;
const STANDARD_STREAMS = [0, 1, 2];
const NOTHING = Buffer.from("/dev/null\0");

export interface SpawnRequest {
  /** Absolute. */
  readonly path: string;
  /** Without the program's own name. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Of input, output and messages: our own, or /dev/null. */
  readonly streams: readonly ("inherit" | "ignore")[];
  /** Keeps the terminal's signals away from it. */
  readonly ownSession: boolean;
}

export interface SpawnedProcess {
  readonly pid: number;
  /** Does nothing when it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** Its exit code; 128 + n when signal n ended it. */
  readonly ended: Promise<number>;
}

/**
 * Starts a program in `/` with our streams, no other open file and no blocked or ignored signal. What `node:child_process` does with pipes needs
 * the modules of streams, sockets and datagrams, whose loading takes a command some milliseconds; this needs none.
 *
 * @throws SystemCallError when the program can't be started.
 */
export function spawnProcess({ path, words, environment, streams, ownSession }: SpawnRequest): SpawnedProcess {
  const [actions, attributes, signals] = [Buffer.alloc(OPAQUE_BYTES), Buffer.alloc(OPAQUE_BYTES), Buffer.alloc(OPAQUE_BYTES)];
  const texts = [path, ...words].map((word) => withEnd(Buffer.from(word)));
  const variables = Object.entries(environment).map(([name, value]) => withEnd(Buffer.from(`${name}=${value}`)));
  const pid = new Int32Array(1);
  initActions(actions);
  initAttributes(attributes);
  try {
    addDirectory(actions, Buffer.from("/\0"));
    for (const stream of STANDARD_STREAMS) {
      // Node has its streams close when another program comes; a copy to its own number stays.
      if (streams[stream] === "inherit") addDup(actions, stream, stream);
      else addOpen(actions, stream, NOTHING, constants.O_RDWR, 0);
    }
    setFlags(attributes, SETSIGDEF | SETSIGMASK | (ownSession ? SETSID : 0));
    setMask(attributes, signals);
    fillSignals(signals);
    setDefaults(attributes, signals);
    const failure = posixSpawn(pid, texts[0], actions, attributes, textTable(texts), textTable(variables));
    if (failure !== 0) throw new SystemCallError("posix_spawn", failure, path);
  } finally {
    destroyActions(actions);
    destroyAttributes(attributes);
  }
  return spawned(pid[0]!);
}

function spawned(pid: number): SpawnedProcess {
  let hasEnded = false;
  const status = new Int32Array(1);
  // No thread waits: one that shares our directory and mounts would keep us from changing namespaces (setns(2), EINVAL).
  const ended = new Promise<number>((resolve, reject) => {
    const look = (): void => {
      const result = waitpid(pid, status, WNOHANG);
      if (result === 0) return;
      // From here on another process may have the number.
      hasEnded = true;
      process.off("SIGCHLD", look);
      clearInterval(timer);
      if (result === -1) reject(new SystemCallError("waitpid", lastErrno()));
      else resolve(exitStatus(status[0]!));
    };
    process.on("SIGCHLD", look);
    const timer = setInterval(look, LOOK_MILLISECONDS);
    look();
  });
  const kill = (signal: NodeJS.Signals): void => {
    if (!hasEnded) process.kill(pid, os.constants.signals[signal]);
  };
  return { pid, kill, ended };
}

/** Of what waitpid(2) tells of a process that has ended. */
function exitStatus(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
