import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { hasCode } from "../../linux/errno.js";
import { tryLock } from "../../linux/lock.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { syncDirectory } from "../../linux/sync.js";
import { AT_FDCWD } from "../../linux/open-at.js";
import { removeTree } from "../../linux/unlink.js";
import { MOUNTS } from "../mounts/mounted-roots.js";
import { pauseThread } from "../pause-thread.js";
import { systemFailure } from "../system-failure.js";
import { formatContainer, parseContainer, type StoredContainer } from "./stored-container.js";

type FileName = "container.json" | "config.json" | "etc" | "lock" | "log" | "oom" | "restarts.json" | (typeof PASSING)[number];
/** What a run leaves for the next to find. */
const PASSING = ["pid", "runtime", "runtime.log", "paused.json", "command.pid", "conmon.pid", "attach", "ctl", "winsz"] as const;

export const CONTAINER_ID: RegExp = /^[0-9a-f]{12}$/;

/** Before the id in the name of a directory that is no container (yet): one whose lock nobody holds goes when the next one is made. */
export const UNFINISHED = "new-";

/** A name that no container id has. */
const EXITS = "exits";
/** So long who waits for a removed container has time to read how it ended. */
const EXIT_MILLISECONDS = 600_000;
/** In the folder of exit codes; its mtime tells when it was last looked through. */
const LOOKED = "looked";
/** Thousands may have run in ten minutes: not each that begins looks at all of them. */
const LOOK_MILLISECONDS = 60_000;

/** An environment may be large. */
const LARGEST_RECORD_BYTES = 2 ** 24;
const LOCK_ATTEMPTS = 100;
const LOCK_PAUSE_MILLISECONDS = 10;

/**
 * One container's directory:
 *
 * ```
 * container.json     its record
 * upper.<n> work.<n> what the process wrote; n is the record's generation
 * fresh.<n>          stands while upper.<n> has never been mounted
 * ids.<n>            which users' the numbers of owners in upper.<n> are, when a user namespace made them
 * config.json        the OCI bundle of the run that is or was last
 * etc/               files that the run binds over the root's own
 * runtime/ pid runtime.log   the runtime's state of a run; gone after it
 * command.pid        the command that runs it in the foreground
 * conmon.pid attach ctl winsz   the supervisor's, of a run in the background; gone after it
 * log                what a process in the background wrote, since it was last started by a person
 * oom                stands when a process of the last run was killed for want of memory; conmon makes it, too
 * restarts.json      how often its policy has restarted it since
 * network.json       its place on a network, while something of it may stand in the system; network/ reads and writes it
 * paused.json        who froze it, for as long as it is frozen by us
 * lock               flock(2): held while varve runs it or changes it
 * ```
 *
 * `<containers>/exits/<id>` holds the exit code of the process that ended last: beside the directory, so that who waits for a
 * container that goes with its process still learns it.
 */
export class ContainerDirectory {
  readonly id: string;
  /** Absolute. */
  readonly path: string;

  constructor(containers: string, id: string) {
    this.id = id;
    this.path = path.join(containers, id);
  }

  file(name: FileName): string {
    return path.join(this.path, name);
  }

  /** Where a run mounts the root, in a mount namespace of its own. Absolute. */
  get mountPoint(): string {
    return path.join(path.dirname(this.path), MOUNTS, this.id);
  }

  /** Absolute; of all containers. */
  get exits(): string {
    return path.join(path.dirname(this.path), EXITS);
  }

  /** Relative to the containers' directory, as mounts take them. */
  overlayPaths(generation: number): { readonly upper: string; readonly work: string } {
    return { upper: `${this.id}/upper.${generation}`, work: `${this.id}/work.${generation}` };
  }

  upper(generation: number): string {
    return path.join(this.path, `upper.${generation}`);
  }

  work(generation: number): string {
    return path.join(this.path, `work.${generation}`);
  }

  /** Writing to a symlink's target would change what is none of the container's. @throws VarveError STORE_DAMAGED. */
  requireOverlay(generation: number): void {
    for (const place of [this.upper(generation), this.work(generation)]) {
      const stat = lstatSync(place, { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) continue;
      const state = stat === undefined ? "is missing" : "is no directory";
      throw new VarveError("STORE_DAMAGED", `Cannot read the container's tree: "${path.basename(place)}" ${state}`, {
        path: place,
        hint: "Restore it from a backup of the store. Without it what was not committed is lost: varve rm --forget, then make the container anew.",
      });
    }
  }

  /** Stands while `upper` has never been mounted. */
  fresh(generation: number): string {
    return path.join(this.path, `fresh.${generation}`);
  }

  /** Stands where what was written has the owners of a user namespace. */
  ids(generation: number): string {
    return path.join(this.path, `ids.${generation}`);
  }

  /** @returns `undefined` when there is no such container. @throws VarveError STORE_DAMAGED. */
  read(): StoredContainer | undefined {
    const file = this.file("container.json");
    try {
      const text = this.#readText("container.json");
      if (text === "") return undefined;
      const { record, generation } = parseContainer(text, this.id, file);
      const exitCode = this.readExitCode();
      if (exitCode === undefined) return { record, generation };
      const oomKilled = existsSync(this.file("oom"));
      return { record: { ...record, exitCode, ...(oomKilled ? { oomKilled } : {}) }, generation };
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw systemFailure("read a container's record", error, file);
    }
  }

  #readText(name: "container.json"): string {
    return readRegularFile(this.file(name), { largest: LARGEST_RECORD_BYTES }).toString("utf8");
  }

  /** Whole at any time: before it returns the old record stands, then the new one. Durable, but for one that is to pass. */
  write(stored: StoredContainer, isPassing = false): void {
    const scratch = `${this.file("container.json")}.new`;
    rmSync(scratch, { force: true });
    const descriptor = openSync(scratch, "wx", 0o600);
    try {
      const bytes = Buffer.from(formatContainer(stored), "utf8");
      for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
      if (!isPassing) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(scratch, this.file("container.json"));
    if (!isPassing) this.sync();
  }

  /**
   * Notes how the last run ended. Not made durable, and so in a file of its own: after a power cut it may be lost, and then
   * nothing else is.
   */
  writeExitCode(exitCode: number): void {
    mkdirSync(this.exits, { recursive: true, mode: 0o700 });
    writeFileSync(path.join(this.exits, this.id), `${exitCode}\n`, { mode: 0o600 });
  }

  /** @returns `undefined` when no process has ended, or nobody knows how. */
  readExitCode(): number | undefined {
    try {
      const text = readRegularFile(path.join(this.exits, this.id), { largest: LARGEST_RECORD_BYTES }).toString("utf8").trim();
      return /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
    } catch (error) {
      // What else stands there was not written by us.
      if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EFTYPE", "EFBIG")) return undefined;
      throw error;
    }
  }

  /** Beside the exit code. */
  noteMemoryKill(): void {
    rmSync(this.file("oom"), { force: true, recursive: true });
    writeFileSync(this.file("oom"), "", { mode: 0o600, flag: "wx" });
  }

  forgetExitCode(): void {
    rmSync(this.file("oom"), { force: true, recursive: true });
    rmSync(path.join(this.exits, this.id), { force: true });
  }

  /** An empty overlay. What an interrupted attempt left there goes first. */
  makeGeneration(generation: number): void {
    this.removeGeneration(generation);
    mkdirSync(this.upper(generation), { mode: 0o755 });
    mkdirSync(this.work(generation), { mode: 0o700 });
    closeSync(openSync(this.fresh(generation), "wx", 0o600));
  }

  removeGeneration(generation: number): void {
    for (const directory of [this.fresh(generation), this.work(generation), this.upper(generation), this.ids(generation)]) {
      removeTree(AT_FDCWD, latin1(directory));
    }
  }

  /** Whether there is what a run leaves for the next to find, besides the bundle: it may go on, or wait to be cleared. */
  hasRunFiles(): boolean {
    return readdirSync(this.path).some((name) => (PASSING as readonly string[]).includes(name));
  }

  /** Removes what a run leaves for the next to find, all but the bundle. */
  removeRunFiles(): void {
    for (const name of PASSING) {
      if (existsSync(this.file(name))) removeTree(AT_FDCWD, latin1(this.file(name)));
    }
  }

  sync(): void {
    syncDirectory(latin1(this.path));
  }

  /** All at once: whoever is killed meanwhile leaves what goes when the next container is made, and no part of a container. */
  remove(): void {
    if (existsSync(this.mountPoint)) rmdirSync(this.mountPoint);
    if (this.id.startsWith(UNFINISHED)) return removeTree(AT_FDCWD, latin1(this.path));
    const doomed = path.join(path.dirname(this.path), `${UNFINISHED}${this.id}`);
    renameSync(this.path, doomed);
    removeTree(AT_FDCWD, latin1(doomed));
  }

  /**
   * Takes the lock that only one who runs or changes this container has; waits a moment for one who is about to end.
   * @returns Gives it back.
   * @throws VarveError CONTAINER_RUNNING when it is still held then.
   */
  lock(action: string, name: string): () => void {
    for (let attempt = 1; attempt <= LOCK_ATTEMPTS; attempt++) {
      const release = this.tryLock();
      if (release !== undefined) return release;
      pauseThread(LOCK_PAUSE_MILLISECONDS);
    }
    throw containerBusy(action, name);
  }

  /** @returns Gives the lock back; `undefined` when another has it. */
  tryLock(): (() => void) | undefined {
    const descriptor = openSync(this.file("lock"), "a", 0o600);
    if (tryLock(descriptor, "exclusive")) return () => closeSync(descriptor);
    closeSync(descriptor);
    return undefined;
  }
}

/** Removes the exit codes of containers that are gone, when nobody can wait for them any more: once a minute. @param containers Absolute. */
export function forgetOldExits(containers: string): void {
  const folder = path.join(containers, EXITS);
  const looked = path.join(folder, LOOKED);
  const age = Date.now() - (lstatSync(looked, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  if ((age >= 0 && age < LOOK_MILLISECONDS) || !existsSync(folder)) return;
  writeFileSync(looked, "", { mode: 0o600 });
  const oldest = Date.now() - EXIT_MILLISECONDS;
  for (const id of readdirSync(folder)) {
    const stat = lstatSync(path.join(folder, id), { throwIfNoEntry: false });
    if (stat !== undefined && stat.mtimeMs < oldest && !existsSync(path.join(containers, id)))
      rmSync(path.join(folder, id), { force: true, recursive: true });
  }
}

export function containerBusy(action: string, name: string): VarveError {
  return new VarveError("CONTAINER_RUNNING", `Cannot ${action} container "${name}": it is running, it must be stopped first`, {
    hint: `Run "varve stop ${name}" first.`,
  });
}

export function latin1(path: string): string {
  return Buffer.from(path, "utf8").toString("latin1");
}
