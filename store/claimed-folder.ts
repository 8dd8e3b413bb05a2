import { closeSync, constants, fstatSync, lstatSync, mkdtempSync, openSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { tryLock } from "../linux/lock.js";

/** A folder beside a file-to-be, that nobody else reads or writes. */
export interface ClaimedFolder {
  /** Where the file is made. It is not there yet. */
  readonly file: string;
  /** Removes the folder, and what is left in it. */
  release(): void;
}

const FILE = "whole";
/** What mkdtemp(3) puts in place of its X. */
const SUFFIX = /^[A-Za-z0-9]{6}$/;
const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Where a file is made that appears under its name once it is whole. Its name can't be guessed, since others may put links into a directory such as /tmp.
 * Folders that killed processes left beside that file are removed: the kernel has freed their locks.
 *
 * @throws Node's errors of mkdtemp(3) and open(2).
 */
export function claimFolder(file: string): ClaimedFolder {
  const prefix = `${file}.varve-`;
  removeForsaken(prefix);
  for (;;) {
    const folder = mkdtempSync(prefix);
    const descriptor = openSync(folder, OPEN_FOLDER);
    if (!isTaken(descriptor) && isThere(folder, descriptor)) return claimed(folder, descriptor);
    // Another process took it for forsaken, before it was locked.
    closeSync(descriptor);
  }
}

function claimed(folder: string, descriptor: number): ClaimedFolder {
  return {
    file: path.join(folder, FILE),
    release: () => {
      clear(folder);
      closeSync(descriptor);
    },
  };
}

function removeForsaken(prefix: string): void {
  const directory = path.dirname(prefix);
  const beginning = path.basename(prefix);
  try {
    for (const name of readdirSync(directory))
      if (name.startsWith(beginning) && SUFFIX.test(name.slice(beginning.length))) removeIfForsaken(path.join(directory, name));
  } catch {
    // A directory that may be written to and not read keeps them.
  }
}

function removeIfForsaken(folder: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(folder, OPEN_FOLDER);
    const { uid, mode } = fstatSync(descriptor);
    // Of the form that mkdtemp(3) gives, by the same user.
    if (uid === process.geteuid?.() && (mode & 0o777) === 0o700 && tryLock(descriptor, "exclusive")) clear(folder);
  } catch {
    // Another process was first, or it is none of ours.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Without recursion: whatever else stands there stays. */
function clear(folder: string): void {
  rmSync(path.join(folder, FILE), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // It holds something else, or is gone.
  }
}

/** Where there are no locks nobody takes anything for forsaken. */
function isTaken(descriptor: number): boolean {
  try {
    return !tryLock(descriptor, "exclusive");
  } catch {
    return false;
  }
}

function isThere(folder: string, descriptor: number): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat?.ino === fstatSync(descriptor).ino;
}
