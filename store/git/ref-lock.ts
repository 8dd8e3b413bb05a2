import { closeSync, linkSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, rmdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VarveError } from "../../core/errors.js";
import { syncNearest, writeNewFile } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf } from "../system-failure.js";

const TRIES = 50;
const PAUSE_MILLISECONDS = 20;

/** Git's own lock on a file of the repository: `<file>.lock`, which becomes the file. */
export interface FileLock {
  readonly file: string;
  /** Puts the new content in place. The directory is not synced yet. */
  replace(): void;
  /** May be repeated, also after `replace`. */
  release(): void;
}

/** Kind of the scratch file that marks a git lock as ours. */
export const LOCK_SCRATCH = "ref-lock";

/**
 * Locks a file of the git repository against git's commands (varve's own wait on the store's lock). The lock file is a hard
 * link to a scratch file that carries our process id, so that recovery finds a dead process's lock by its inode and removes it.
 *
 * @param content What the file will hold, on the disk when this resolves; `undefined` when it is not to be replaced.
 * @throws VarveError STORE_LOCKED after about a second.
 */
export async function lockFile(layout: StoreLayout, file: string, content: string | undefined): Promise<FileLock> {
  const scratch = scratchPath(layout, LOCK_SCRATCH);
  const lock = `${file}.lock`;
  try {
    if (content === undefined) closeSync(openSync(scratch, "wx"));
    else writeNewFile(scratch, Buffer.from(content));
    await linkPatiently(scratch, lock, layout.git);
  } catch (error) {
    rmSync(scratch, { force: true });
    throw error;
  }
  let held = true;
  return {
    file,
    replace: () => {
      removeEmptyDirectories(file);
      renameSync(lock, file);
      held = false;
    },
    release: () => {
      if (held) rmSync(lock, { force: true });
      held = false;
      rmSync(scratch, { force: true });
    },
  };
}

/** The directory is made in here, since `git pack-refs` removes empty ones. */
async function linkPatiently(scratch: string, lock: string, git: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      makeDurableDirectory(path.dirname(lock), git);
      linkSync(scratch, lock);
      return;
    } catch (error) {
      const errno = errnoOf(error) ?? "";
      if (!["EEXIST", "ENOENT"].includes(errno) || (errno === "ENOENT" && tries === TRIES)) throw error;
      if (tries === TRIES) throw heldByGit(lock);
    }
    await sleep(PAUSE_MILLISECONDS);
  }
}

function heldByGit(lock: string): VarveError {
  return new VarveError("STORE_LOCKED", "Cannot move a ref: its lock file exists, so a git command is moving it", {
    path: lock,
    hint: "Wait for that git command to end. If none runs, one was killed: remove the file by hand.",
  });
}

/** Directories that deleted refs below this name left behind. @throws ENOTEMPTY when a ref stands in one. */
export function removeEmptyDirectories(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) removeEmptyDirectories(path.join(directory, entry.name));
    }
    rmdirSync(directory);
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) throw error;
  }
}

/** Makes a directory and what is missing above it; each new name is durable. @param top Stands already. */
export function makeDurableDirectory(directory: string, top: string): void {
  const first = mkdirSync(directory, { recursive: true });
  if (first === undefined) return;
  for (let at = directory; at !== path.dirname(first) && at !== top; at = path.dirname(at)) syncNearest(path.dirname(at));
}
