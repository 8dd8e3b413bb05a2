import { existsSync, statSync } from "node:fs";
import { posix } from "node:path";
import { VarveError } from "../../core/errors.js";
import type { RunConfiguration, Volume } from "../../core/ports/containers.js";
import { SystemCallError } from "../../linux/errno.js";
import { S_IFDIR } from "../../linux/stat.js";
import { isRootEntry } from "../rootfs/root-files.js";
import { makePlace, obstacleAt, resolvedPlace, type Obstacle, type PlaceKind } from "../rootfs/root-places.js";
import { latin1 } from "./container-directory.js";

const SYSTEM = ["/proc", "/sys", "/dev"];
const OTHER_PLACE = "Choose another place.";

/**
 * Checks the places in a root that a run relies on, and makes the mount points of its volumes. What fails here a runtime would tell in
 * its own words, one runtime otherwise than the other.
 *
 * @throws VarveError RUNTIME_FAILED, SOURCE_MISSING, WRONG_TYPE.
 */
export function preparePlaces(configuration: RunConfiguration, root: number): void {
  for (const name of ["proc", "sys", "dev"]) {
    // Mounting on a symlink would follow it to a place that the image chose.
    if (!isRootEntry(root, name, S_IFDIR)) {
      throw new VarveError("RUNTIME_FAILED", `Cannot start the container: its "/${name}" is no directory`);
    }
  }
  for (const volume of configuration.volumes) prepareVolume(volume, configuration.volumes, root);
  checkWorkingDirectory(configuration, root);
}

function prepareVolume(volume: Volume, volumes: readonly Volume[], root: number): void {
  const kind = kindOf(volume.source);
  const { destination } = volume;
  const obstacle = systemObstacle(destination, kind) ?? enclosedObstacle(volume, kind, volumes);
  if (obstacle !== undefined) throw refused(volume, obstacle);
  if (enclosing(volume, volumes) !== undefined || isSystem(destination)) return;
  const blocked = obstacleAt(root, latin1(destination), kind);
  if (blocked !== undefined) throw refused(volume, blocked);
  try {
    makePlace(root, latin1(destination), kind);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    throw refused(volume, { state: `the system says ${error.code}`, hint: OTHER_PLACE }, error);
  }
  const place = resolvedPlace(root, latin1(destination));
  if (place !== undefined && isSystem(place)) {
    throw refused(volume, { state: `it leads to "${place}", which every container has of its own`, hint: OTHER_PLACE });
  }
}

function refused({ source, destination }: Volume, { state, hint }: Obstacle, cause?: unknown): VarveError {
  const message = `Cannot mount the volume "${source}" on "${destination}": ${state}`;
  return new VarveError("WRONG_TYPE", message, { path: destination, hint, cause });
}

function systemObstacle(destination: string, kind: PlaceKind): Obstacle | undefined {
  if (isWithin(destination, "/proc")) return { state: "runtimes mount nothing in /proc", hint: OTHER_PLACE };
  if (isWithin(destination, "/sys") && !existsSync(destination)) {
    return { state: "the kernel's /sys has no such place, and none can be made in it", hint: OTHER_PLACE };
  }
  return SYSTEM.includes(destination) && kind === "file" ? { state: "it is a directory", hint: OTHER_PLACE } : undefined;
}

/** What another volume, in which this one's place is, has there. Symlinks in it are left to the runtime. */
function enclosedObstacle(volume: Volume, kind: PlaceKind, volumes: readonly Volume[]): Obstacle | undefined {
  const outer = enclosing(volume, volumes);
  if (outer === undefined) return undefined;
  const outside = `the volume "${outer.source}"`;
  if (kindOf(outer.source) === "file")
    return { state: `${outside} is mounted on the way there, and is a file`, hint: OTHER_PLACE };
  const place = posix.join(outer.source, posix.relative(outer.destination, volume.destination));
  const found = existsSync(place);
  if (!found && outer.readOnly) {
    const hint = `Make "${place}" first, or mount ${outside} without :ro.`;
    return { state: `${outside} is mounted around it read-only, and holds no such place`, hint };
  }
  return found && kindOf(place) !== kind
    ? { state: `"${place}" is ${kind === "file" ? "a" : "no"} directory`, hint: OTHER_PLACE }
    : undefined;
}

/** The nearest of the volumes that are mounted around this one. */
function enclosing({ destination }: Volume, volumes: readonly Volume[]): Volume | undefined {
  return volumes
    .filter((other) => other.destination !== destination && isWithin(destination, other.destination))
    .sort((a, b) => b.destination.length - a.destination.length)[0];
}

function checkWorkingDirectory({ workingDirectory, volumes }: RunConfiguration, root: number): void {
  const place = posix.normalize(workingDirectory);
  // Through a descriptor that a runtime left open, /proc leads out of the container (CVE-2024-21626).
  if (isWithin(place, "/proc")) {
    throw new VarveError("RUNTIME_FAILED", `Cannot start the process in "${workingDirectory}": it is within /proc`);
  }
  if (isSystem(place) || volumes.some(({ destination }) => isWithin(place, destination))) return;
  const obstacle = obstacleAt(root, latin1(place), "directory");
  if (obstacle === undefined) return;
  const message = `Cannot start the process in "${workingDirectory}": ${obstacle.state}`;
  throw new VarveError("WRONG_TYPE", message, { path: workingDirectory, hint: obstacle.hint });
}

function kindOf(source: string): PlaceKind {
  try {
    return statSync(source).isDirectory() ? "directory" : "file";
  } catch (error) {
    throw new VarveError("SOURCE_MISSING", `Cannot mount the volume "${source}": it is not there`, {
      path: source,
      hint: "Make it first: a volume's source must exist.",
      cause: error,
    });
  }
}

function isSystem(place: string): boolean {
  return SYSTEM.some((system) => isWithin(place, system));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
