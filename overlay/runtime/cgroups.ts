import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { hasCode } from "../../linux/errno.js";
import { pauseThread } from "../pause-thread.js";

export interface CgroupMount {
  readonly path: string;
  readonly version: 1 | 2;
  /** Of version 1: what it controls, such as `freezer`. */
  readonly controllers: readonly string[];
}

/**
 * Reads `/proc/self/mounts`. Both versions at once ("hybrid") are common. What is hidden by a later mount is not there.
 */
export function parseCgroupMounts(mounts: string): readonly CgroupMount[] {
  let found: CgroupMount[] = [];
  for (const line of mounts.split("\n").filter(Boolean)) {
    const [, escaped = "", type, options = ""] = line.split(" ");
    const path = unescapeMount(escaped);
    found = found.filter((earlier) => earlier.path !== path && !earlier.path.startsWith(`${path}/`));
    if (type === "cgroup2") found.push({ path, version: 2, controllers: [] });
    if (type === "cgroup") found.push({ path, version: 1, controllers: options.split(",") });
  }
  return found;
}

/** /proc writes space, tab, newline and backslash in octal. */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

let knownMounts: readonly CgroupMount[] | undefined;

/** Read once: a command that runs a container asks several times, and they stay where they are as long as a machine runs. */
export function cgroupMounts(): readonly CgroupMount[] {
  return (knownMounts ??= parseCgroupMounts(readFileSync("/proc/self/mounts", "latin1")));
}

/** Whether this process may write to the top of each hierarchy. A runtime in a user namespace fails silently where it may not. */
export function mayMakeCgroups(): boolean {
  return cgroupMounts().every(({ path }) => {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The path of a container's cgroup in every hierarchy, as the OCI configuration names it. */
export function cgroupPath(id: string): string {
  return `/varve/${id}`;
}

/** Version 1 can be told not to count swap. With version 2 a machine without swap has none to limit. */
export function canLimitSwap(): boolean {
  const memory = cgroupMounts().find(({ controllers }) => controllers.includes("memory"));
  if (memory !== undefined) return existsSync(`${memory.path}/memory.memsw.limit_in_bytes`);
  return readFileSync("/proc/swaps", "latin1").trim().split("\n").length > 1;
}

/** A container's cgroup directories that exist now. */
function cgroupDirectories(id: string): readonly (CgroupMount & { readonly directory: string })[] {
  return cgroupMounts()
    .map((mount) => ({ ...mount, directory: mount.path + cgroupPath(id) }))
    .filter(({ directory }) => existsSync(directory));
}

const ATTEMPTS = 200;
const PAUSE_MILLISECONDS = 5;

/** Ends what still runs in a container's cgroups and removes them. Does nothing when there are none. */
export function removeCgroups(id: string): void {
  for (const { directory } of cgroupDirectories(id)) {
    for (let attempt = 1; ; attempt++) {
      try {
        removeCgroup(directory);
        break;
      } catch (error) {
        // Busy while a process in it is on its way out.
        if (!hasCode(error, "EBUSY", "ENOTEMPTY") || attempt === ATTEMPTS) throw error;
        killAll(directory);
        pauseThread(PAUSE_MILLISECONDS);
      }
    }
  }
}

function removeCgroup(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(`${directory}/${entry.name}`);
    }
    rmdirSync(directory);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

function killAll(directory: string): void {
  const processes = ifThere(() => readFileSync(`${directory}/cgroup.procs`, "latin1"), "");
  for (const pid of processes.split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }
}

/** The freezer of a container's cgroup. */
export interface Freezer {
  isFrozen(): boolean;
  /** Returns when all its processes stand still; false when some do not within two seconds. */
  freeze(): boolean;
  thaw(): void;
}

/** @returns `undefined` when the container has no cgroup: it is not running, or the runtime makes none on this machine. */
export function freezerOf(id: string): Freezer | undefined {
  const directories = cgroupDirectories(id);
  const first = directories.find(({ controllers }) => controllers.includes("freezer"));
  if (first !== undefined) return new Freezer1(`${first.directory}/freezer.state`);
  const second = directories.find(({ version, directory }) => version === 2 && existsSync(`${directory}/cgroup.freeze`));
  return second === undefined ? undefined : new Freezer2(second.directory);
}

/** Makes an empty cgroup that can be frozen, for trying it out. `removeCgroups` removes it. */
export function makeFreezerGroup(id: string): void {
  const mounts = cgroupMounts();
  const mount = mounts.find(({ controllers }) => controllers.includes("freezer")) ?? mounts.find(({ version }) => version === 2);
  if (mount !== undefined) mkdirSync(mount.path + cgroupPath(id), { recursive: true });
}

class Freezer1 implements Freezer {
  readonly #file: string;
  constructor(file: string) {
    this.#file = file;
  }

  isFrozen(): boolean {
    return ifThere(() => readFileSync(this.#file, "latin1").trim() !== "THAWED", false);
  }

  freeze(): boolean {
    // Written again and again: version 1 stays FREEZING while a process forks faster than it is caught.
    return waitUntil(() => {
      writeFileSync(this.#file, "FROZEN");
      return readFileSync(this.#file, "latin1").trim() === "FROZEN";
    });
  }

  thaw(): void {
    ifThere(() => writeFileSync(this.#file, "THAWED"), undefined);
  }
}

class Freezer2 implements Freezer {
  readonly #directory: string;
  constructor(directory: string) {
    this.#directory = directory;
  }

  isFrozen(): boolean {
    return ifThere(() => readFileSync(`${this.#directory}/cgroup.freeze`, "latin1").trim() === "1", false);
  }

  freeze(): boolean {
    return waitUntil(() => {
      writeFileSync(`${this.#directory}/cgroup.freeze`, "1");
      return readFileSync(`${this.#directory}/cgroup.events`, "latin1").includes("frozen 1");
    });
  }

  thaw(): void {
    ifThere(() => writeFileSync(`${this.#directory}/cgroup.freeze`, "0"), undefined);
  }
}

/** A container that ends meanwhile takes its cgroup with it. */
function ifThere<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV")) return otherwise;
    throw error;
  }
}

/** A process in an uninterruptible wait freezes late, or never. */
function waitUntil(condition: () => boolean): boolean {
  for (let attempt = 0; attempt < 2000; attempt++) {
    if (ifThere(condition, true)) return true;
    pauseThread(1);
  }
  return false;
}
