import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { LayerProgress } from "../../core/model/layer-progress.js";
import type { Tree } from "../../core/model/tree.js";
import { inTurns } from "../../core/turns.js";
import { VarveError } from "../../core/errors.js";
import { makeDirectories } from "../../linux/make-directories.js";
import { hasCode } from "../../linux/errno.js";
import { systemFailure } from "../system-failure.js";
import { ofDestination, requireWritable, writeTree } from "./write-directory.js";

/**
 * Writes LXC's layout: `rootfs`, then `config`. What fails half-way leaves nothing; what is killed leaves a directory without a config, which LXC takes
 * for no container.
 *
 * @param directory Empty, or absent.
 * @throws VarveError DESTINATION_NOT_EMPTY, WRONG_TYPE, PERMISSION, DISK_FULL, INTERRUPTED.
 */
export async function writeContainer(
  tree: Tree,
  directory: string,
  config: string,
  observe?: (progress: LayerProgress) => void,
): Promise<void> {
  await inTurns(requireWritable(tree, directory));
  const made = makePlace(directory);
  const root = path.join(directory, "rootfs");
  const scratch = path.join(directory, `.config-${process.pid}`);
  try {
    mkdirSync(root, { mode: 0o700 });
    await inTurns(writeTree(tree, root, observe));
    writeFileSync(scratch, config, { mode: 0o644, flag: "wx" });
    renameSync(scratch, path.join(directory, "config"));
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    rmSync(scratch, { force: true });
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw ofDestination(systemFailure(`write "${directory}"`, error, directory), directory);
  }
}

/** @returns The topmost directory that was not there. */
function makePlace(directory: string): string | undefined {
  try {
    const made = makeDirectories(directory);
    if (readdirSync(directory, "latin1").length === 0) return made;
  } catch (error) {
    if (!hasCode(error, "EEXIST", "ENOTDIR")) throw systemFailure(`make "${directory}"`, error, directory);
    throw new VarveError("WRONG_TYPE", `Cannot write into "${directory}": a part of its path is no directory`, {
      path: directory,
      hint: "Name a directory that is empty or absent.",
      cause: error,
    });
  }
  throw new VarveError("DESTINATION_NOT_EMPTY", `Cannot write into "${directory}": it holds files, wanted an empty directory`, {
    path: directory,
    hint: "Name another directory, or empty this one.",
  });
}
