import { readFileSync, writeFileSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { hasCode } from "../../linux/errno.js";
import { isInUserNamespace, needsUserNamespace } from "../../linux/user-namespace.js";
import { readRegularFile } from "../../linux/regular-file.js";
import type { ContainerDirectory } from "./container-directory.js";

/** The kernel takes 340 ranges of each kind. */
const LARGEST_MAP_BYTES = 2 ** 16;

/**
 * Notes, where what a container's process writes gets owners of a user namespace, which they are: the same numbers mean other users elsewhere.
 * Stands as long as what was written.
 */
export function noteWrittenIds(directory: ContainerDirectory, generation: number): void {
  if (isInUserNamespace()) writeFileSync(directory.ids(generation), currentMap(), { mode: 0o600 });
}

/**
 * Whether what a container's process wrote is in the form of a user namespace.
 *
 * @throws VarveError NAMESPACE_NEEDED when this process has to enter one first; UNSUPPORTED when it can't be the same.
 */
export function isWrittenInNamespace(directory: ContainerDirectory, generation: number): boolean {
  const map = readMap(directory.ids(generation));
  if (map === undefined) return false;
  requireNamespace(directory);
  if (!isInUserNamespace()) {
    throw new VarveError(
      "UNSUPPORTED",
      "Cannot use the container: its files belong to an ordinary user's ids, wanted that user",
      {
        path: directory.path,
        hint: "Run the command as the user whose store it is.",
      },
    );
  }
  if (map !== currentMap()) {
    throw new VarveError(
      "UNSUPPORTED",
      "Cannot use the container: the ids that its files belong to are none of this user's any more",
      {
        path: directory.path,
        hint: "Give the user the same ids in /etc/subuid and /etc/subgid as when the container ran.",
      },
    );
  }
  return true;
}

/** @throws VarveError NAMESPACE_NEEDED when this process has to start anew in a user namespace first. */
export function requireNamespace({ path }: ContainerDirectory): void {
  if (!needsUserNamespace()) return;
  throw new VarveError("NAMESPACE_NEEDED", "Cannot do this with a container: an ordinary user needs a user namespace for it", {
    path,
    hint: "The command starts itself anew in one. Where you read this it could not.",
  });
}

/** @throws VarveError NAMESPACE_NEEDED when there are files that this process can't remove outside of one. */
export function requireNamespaceToRemove(directory: ContainerDirectory): void {
  const stored = directory.read();
  if (stored !== undefined && readMap(directory.ids(stored.generation)) !== undefined) requireNamespace(directory);
}

function readMap(file: string): string | undefined {
  try {
    return readRegularFile(file, { largest: LARGEST_MAP_BYTES }).toString("latin1");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Each range in one form, whatever the width of its columns. */
function currentMap(): string {
  const map = (kind: string): string => readFileSync(`/proc/self/${kind}_map`, "latin1").replace(/[ \t]+/g, " ");
  return `${map("uid")}\n${map("gid")}`;
}
