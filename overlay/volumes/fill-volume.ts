import { spawnSync } from "node:child_process";
import { constants, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { hasCode } from "../../linux/errno.js";
import { AT_FDCWD, closeDescriptor } from "../../linux/open-at.js";
import { removeTree } from "../../linux/unlink.js";
import { tryOpenInRoot } from "../rootfs/root-files.js";
import { passingName, removeAbandoned } from "./abandoned.js";

const FILLING = "filling";

/**
 * Docker's rule: a volume in which nothing is yet gets what a container's root holds at its place, with owners, modes, times, xattrs and
 * hardlinks. It is there whole or not at all.
 *
 * @param volume The directory of its contents, absolute. @param root A descriptor of the mounted root. @param place Seen from the root, bytes in latin1.
 * @throws VarveError IO.
 */
export function fillVolume(volume: string, root: number, place: string): void {
  if (readdirSync(volume).length > 0) return;
  const source = tryOpenInRoot(root, place, constants.O_RDONLY | constants.O_DIRECTORY);
  if (source === undefined) return;
  // Beside it, so that it can be moved into its place.
  const folder = path.dirname(volume);
  const filling = path.join(folder, passingName(FILLING, ""));
  try {
    removeAbandoned(folder, FILLING);
    mkdirSync(filling, { mode: 0o700 });
    copyDirectory(source, filling);
    renameSync(filling, volume);
  } catch (error) {
    // Another container has filled it meanwhile.
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  } finally {
    closeDescriptor(source);
    if (existsSync(filling)) removeTree(AT_FDCWD, Buffer.from(filling, "utf8").toString("latin1"));
  }
}

/** The child is in our mount namespace, and gets the directory as descriptor 3: no path leads out of the root on the way. */
function copyDirectory(source: number, target: string): void {
  const { status, stderr, error } = spawnSync("cp", ["--archive", "--no-target-directory", "/proc/self/fd/3/.", target], {
    stdio: ["ignore", "ignore", "pipe", source],
    encoding: "utf8",
  });
  if (status === 0) return;
  throw new VarveError(
    "IO",
    `Cannot fill a new volume with what the image holds at its place: ${error?.message ?? stderr.trim()}`,
    {
      hint: "Give the volume with :nocopy to begin with an empty one.",
    },
  );
}
