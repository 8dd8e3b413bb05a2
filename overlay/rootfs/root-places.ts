import { constants } from "node:fs";
import { textOf, type ByteString } from "../../core/model/byte-string.js";
import { hasCode } from "../../linux/errno.js";
import { changeMode, makeDirectory, readLink } from "../../linux/make-node.js";
import { closeDescriptor, O_PATH, openAt, openWithin } from "../../linux/open-at.js";
import { S_IFDIR, S_IFLNK, S_IFMT, statAt } from "../../linux/stat.js";
import { RESOLVE_IN_CONTAINER, rootFileMode } from "./root-files.js";

/** NAME_MAX of Linux. */
const LONGEST_NAME_BYTES = 255;

/** Why a place in a container's root can't be what is wanted there, in words that follow a colon. */
export interface Obstacle {
  readonly state: string;
  readonly hint: string;
}

export type PlaceKind = "directory" | "file";

/**
 * What stands in the way of a directory or file at a path within a root: a symlink that leads nowhere, say, or a file where a
 * directory is needed. Symlinks are followed, within the root. What is not there is no obstacle: it can be made.
 *
 * @param path Bytes in latin1, seen from the root.
 */
export function obstacleAt(root: number, path: string, kind: PlaceKind): Obstacle | undefined {
  const names = namesOf(path);
  for (const index of names.keys()) {
    const here = names.slice(0, index + 1).join("/");
    const mode = rootFileMode(root, here);
    if (mode === undefined) return obstacleInAbsent(root, names, index);
    if (index < names.length - 1 && !isDirectory(mode)) return noDirectory(shown(names, index));
  }
  const mode = rootFileMode(root, names.join("/") || ".") ?? S_IFDIR;
  if (isDirectory(mode) === (kind === "directory")) return undefined;
  return kind === "directory"
    ? noDirectory("it")
    : { state: "it is a directory", hint: "Choose a file, or a place where nothing is." };
}

/** @param index The first of the names that leads to nothing. */
function obstacleInAbsent(root: number, names: readonly string[], index: number): Obstacle | undefined {
  if (names.some((name) => name.length > LONGEST_NAME_BYTES)) {
    return { state: `a name in it is longer than ${LONGEST_NAME_BYTES} bytes`, hint: "Choose another place." };
  }
  const parent = openParent(root, names, index);
  try {
    if (!isSymlink(parent, names[index]!)) return undefined;
    const target = textOf(readLink(parent, names[index]!) as ByteString);
    return {
      state: `${shown(names, index)} is a symlink that leads nowhere in the container`,
      hint: `It names "${target}", which is looked for in the container, never on this machine. Make that first, or choose another place.`,
    };
  } finally {
    closeDescriptor(parent);
  }
}

function noDirectory(place: string): Obstacle {
  return { state: `${place} is no directory`, hint: "Choose a directory, or a place where nothing is." };
}

/**
 * Makes a place that has no obstacle, where it is not there: directories on the way, then a directory or an empty file.
 * @param mode Of that directory, whatever the umask. @throws SystemCallError
 */
export function makePlace(root: number, path: string, kind: PlaceKind, mode = 0o755): void {
  const names = namesOf(path);
  names.forEach((name, index) => {
    if (rootFileMode(root, names.slice(0, index + 1).join("/")) !== undefined) return;
    const parent = openParent(root, names, index);
    try {
      const isLast = index === names.length - 1;
      if (kind === "directory" || !isLast) {
        makeDirectory(parent, name, 0o700);
        changeMode(parent, name, isLast ? mode : 0o755);
      } else
        closeDescriptor(
          openAt(parent, name, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o644),
        );
    } finally {
      closeDescriptor(parent);
    }
  });
}

function openParent(root: number, names: readonly string[], index: number): number {
  return openWithin(root, names.slice(0, index).join("/") || ".", O_PATH | constants.O_DIRECTORY, RESOLVE_IN_CONTAINER);
}

function isSymlink(parent: number, name: string): boolean {
  try {
    return statAt(parent, name).type === S_IFLNK;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}

function isDirectory(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

function namesOf(path: string): readonly string[] {
  return path.split("/").filter(Boolean);
}

function shown(names: readonly string[], index: number): string {
  if (index === names.length - 1) return "it";
  return `"/${textOf(names.slice(0, index + 1).join("/") as ByteString)}"`;
}
