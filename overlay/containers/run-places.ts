import { existsSync, statSync } from "node:fs";
import { posix } from "node:path";
import { textOf, type ByteString } from "../../core/model/byte-string.js";
import { VarveError } from "../../core/errors.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import type { Tmpfs } from "../../core/ports/isolation.js";
import { SystemCallError } from "../../linux/errno.js";
import { S_IFDIR } from "../../linux/stat.js";
import { isRootEntry } from "../rootfs/root-files.js";
import { destinationOf, isSystemPlace, isWithin, SYSTEM_PLACES } from "../rootfs/path-destination.js";
import { INIT_PLACE } from "../runtime/init-program.js";
import { makePlace, obstacleAt, type Obstacle, type PlaceKind } from "../rootfs/root-places.js";
import { latin1 } from "./container-directory.js";

/** What runtimes make in /dev that leads into /proc. */
const DESCRIPTOR_LINKS = ["/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/core"];
/** What runtimes make in /dev that is no directory. */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"].map((name) => `/dev/${name}`);
/** Of these, what runtimes use themselves when a container starts. */
const USED_DEVICES = ["/dev/null", "/dev/ptmx"];
const OTHER_PLACE = "Choose another place.";
const NOT_IN_SYS: Obstacle = { state: "the kernel's /sys has no such place, and none can be made in it", hint: OTHER_PLACE };

/**
 * Checks the places in a root that a run relies on, and makes the mount points of its volumes and tmpfs. What fails here a runtime would tell in
 * its own words, one runtime otherwise than the other.
 *
 * @param pathOf Where a named volume lies, or will.
 * @throws VarveError RUNTIME_FAILED, SOURCE_MISSING, WRONG_TYPE.
 */
export function preparePlaces(configuration: RunConfiguration, root: number, pathOf = (volume: string): string => volume): void {
  for (const name of ["proc", "sys", "dev"]) {
    // Mounting on a symlink would follow it to a place that the image chose.
    if (!isRootEntry(root, name, S_IFDIR)) {
      throw new VarveError("RUNTIME_FAILED", `Cannot start the container: its "/${name}" is no directory`, {
        hint: "Make it one, or remove it, in the tree that the container stands on, then commit or import that again.",
      });
    }
  }
  const mounts = chosenMounts(configuration, pathOf);
  for (const mount of mounts) prepareMount(mount, mounts, root);
  if (configuration.init === true) requireOwnDev(mounts);
  checkWorkingDirectory(configuration, root);
}

/** What a person asked to have mounted. */
interface ChosenMount {
  /** In messages: `the volume "…"`. */
  readonly what: string;
  /** On the host; `undefined` of a tmpfs, in which nothing is yet. */
  readonly source: string | undefined;
  /** Of what comes to be with the run. */
  readonly kind?: PlaceKind;
  readonly destination: string;
  readonly readOnly: boolean;
  /** Of the place, where there is none. */
  readonly mode?: number;
}

function chosenMounts({ volumes, tmpfs = [] }: RunConfiguration, pathOf: (volume: string) => string): readonly ChosenMount[] {
  const own = { kind: "directory", readOnly: false } as const;
  return [
    ...volumes.map(({ source, destination, readOnly, named, anonymous }) => ({
      what: anonymous === true ? "a volume" : `the volume "${source}"`,
      destination,
      readOnly,
      ...(named === true ? { source: pathOf(source), kind: own.kind } : { source }),
    })),
    ...tmpfs.map((each) => ({
      what: "a tmpfs",
      source: undefined,
      destination: each.destination,
      mode: modeOf(each),
      ...own,
    })),
  ];
}

/** runc 1.1 gives a tmpfs the mode of the directory that it is mounted on. */
function modeOf({ options }: Tmpfs): number {
  const [, mode = "1777"] = /^mode=([0-7]{1,4})$/.exec(options.findLast((word) => word.startsWith("mode=")) ?? "") ?? [];
  return Number.parseInt(mode, 8);
}

/** Where an init is put, no file of the host's may come to be. */
function requireOwnDev(mounts: readonly ChosenMount[]): void {
  const around = mounts.find(({ destination }) => destination === "/dev" || isWithin(destination, INIT_PLACE));
  if (around !== undefined) throw refused(around, { state: "with --init the container needs its own /dev", hint: OTHER_PLACE });
}

function prepareMount(mount: ChosenMount, mounts: readonly ChosenMount[], root: number): void {
  const kind = kindOf(mount);
  const { destination } = mount;
  const obstacle = systemObstacle(mount, kind) ?? enclosedObstacle(mount, kind, mounts);
  if (obstacle !== undefined) throw refused(mount, obstacle);
  if (enclosing(mount, mounts) !== undefined || isSystemPlace(destination)) return;
  const blocked = obstacleAt(root, latin1(destination), kind) ?? redirectedObstacle(root, destination);
  if (blocked !== undefined) throw refused(mount, blocked);
  try {
    makePlace(root, latin1(destination), kind, mount.mode);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    throw refused(mount, { state: `the system says ${error.code}`, hint: OTHER_PLACE }, error);
  }
}

function redirectedObstacle(root: number, destination: string): Obstacle | undefined {
  const place = destinationOf(root, latin1(destination));
  if (place === "/") return { state: "it leads to the container's root", hint: OTHER_PLACE };
  if (!isSystemPlace(place)) return undefined;
  return { state: `it leads to "${textOf(place as ByteString)}", which every container has of its own`, hint: OTHER_PLACE };
}

function refused({ what, destination }: ChosenMount, { state, hint }: Obstacle, cause?: unknown): VarveError {
  const message = `Cannot mount ${what} on "${destination}": ${state}`;
  return new VarveError("WRONG_TYPE", message, { path: destination, hint, cause });
}

function systemObstacle({ source, destination }: ChosenMount, kind: PlaceKind): Obstacle | undefined {
  if (isWithin(destination, "/proc")) return { state: "runtimes mount nothing in /proc", hint: OTHER_PLACE };
  if (USED_DEVICES.some((device) => isWithin(destination, device))) {
    return { state: "runtimes need that device as it is", hint: OTHER_PLACE };
  }
  if (isWithin(destination, "/sys") && !existsSync(destination)) return NOT_IN_SYS;
  if (SYSTEM_PLACES.includes(destination) && kind === "file") return { state: "it is a directory", hint: OTHER_PLACE };
  return destination === "/dev" && (source === undefined || !existsSync(posix.join(source, "null")))
    ? { state: 'every container needs "/dev/null", which that has not', hint: `Choose a place below it, such as "/dev/data".` }
    : undefined;
}

/** What another mount, in which this one's place is, has there. Symlinks in it are left to the runtime. */
function enclosedObstacle(mount: ChosenMount, kind: PlaceKind, mounts: readonly ChosenMount[]): Obstacle | undefined {
  const outer = enclosing(mount, mounts);
  if (outer?.source === undefined) return undefined;
  const outside = outer.what;
  if (kindOf(outer) === "file") return { state: `${outside} is mounted on the way there, and is a file`, hint: OTHER_PLACE };
  const place = posix.join(outer.source, posix.relative(outer.destination, mount.destination));
  const found = existsSync(place);
  if (!found && outer.readOnly) {
    const hint = `Make "${place}" first, or mount ${outside} without :ro.`;
    return { state: `${outside} is mounted around it read-only, and holds no such place`, hint };
  }
  return found && kindAt(place) !== kind
    ? { state: `"${place}" is ${kind === "file" ? "a" : "no"} directory`, hint: OTHER_PLACE }
    : undefined;
}

/** The nearest of the mounts around this one. */
function enclosing({ destination }: ChosenMount, mounts: readonly ChosenMount[]): ChosenMount | undefined {
  return mounts
    .filter((other) => other.destination !== destination && isWithin(destination, other.destination))
    .sort((a, b) => b.destination.length - a.destination.length)[0];
}

/** @throws VarveError RUNTIME_FAILED, WRONG_TYPE. */
export function checkWorkingDirectory(configuration: RunConfiguration, root: number): void {
  const { workingDirectory, volumes, tmpfs = [] } = configuration;
  const place = posix.normalize(workingDirectory);
  const inVolume = [...volumes, ...tmpfs].some(({ destination }) => isWithin(place, destination));
  const destination = inVolume ? place : destinationOf(root, latin1(place));
  refuseDescriptors(workingDirectory, destination);
  if (inVolume) return;
  const obstacle = isSystemPlace(destination) ? workObstacle(destination) : obstacleAt(root, latin1(place), "directory");
  if (obstacle === undefined) return;
  const message = `Cannot start the process in "${workingDirectory}": ${obstacle.state}`;
  throw new VarveError("WRONG_TYPE", message, { path: workingDirectory, hint: obstacle.hint });
}

/** Through a descriptor that a runtime left open, /proc leads out of the container (CVE-2024-21626). */
function refuseDescriptors(workingDirectory: string, destination: string): void {
  const folder = ["/proc", ...DESCRIPTOR_LINKS].find((each) => isWithin(destination, each));
  if (folder === undefined) return;
  const state = folder === "/proc" ? "it is within /proc" : `it leads into /proc, by ${folder}`;
  throw new VarveError("RUNTIME_FAILED", `Cannot start the process in "${workingDirectory}": ${state}`, {
    hint: "Choose a directory of the container's own tree: what /proc shows may lie outside of it.",
  });
}

function workObstacle(destination: string): Obstacle | undefined {
  const device = DEVICES.find((each) => isWithin(destination, each));
  if (device !== undefined) return { state: `"${device}" is no directory`, hint: OTHER_PLACE };
  return isWithin(destination, "/sys") && !existsSync(destination) ? NOT_IN_SYS : undefined;
}

function kindOf({ source, what, kind }: ChosenMount): PlaceKind {
  if (source === undefined || kind !== undefined) return kind ?? "directory";
  try {
    return kindAt(source);
  } catch (error) {
    throw new VarveError("SOURCE_MISSING", `Cannot mount ${what}: it is not there`, {
      path: source,
      hint: "Make it first: a volume's source must exist.",
      cause: error,
    });
  }
}

function kindAt(place: string): PlaceKind {
  return statSync(place).isDirectory() ? "directory" : "file";
}
