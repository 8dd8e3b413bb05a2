import { closeSync, constants, existsSync, fstatSync, linkSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import { tryLock } from "../linux/lock.js";
import { makeDirectories } from "../linux/make-directories.js";
import { openRegularFile, readRegularFile } from "../linux/regular-file.js";
import { syncDirectory, writeNewFile } from "./durable-file.js";
import { initStore, makePlace } from "./init-store.js";
import { isDeadScratch, scratchPath } from "./scratch.js";
import { storeLayout, type StoreLayout } from "./store-layout.js";
import { errnoOf, systemFailure } from "./system-failure.js";

const LARGEST_MARK_BYTES = 2 ** 16;

export interface CloneRequest {
  /** What becomes a tracked directory, or a store; absolute. */
  readonly directory: string;
  /** The store: `directory`, or in it. */
  readonly store: string;
  /** What is cloned, by a name that the next try gives it, too. Without secrets. */
  readonly source: string;
  /** That HEAD names at first. */
  readonly branch: string;
}

/** A place that this process alone fills, with a store in it. */
export interface ClonePlace {
  /** A clone of the same source was killed here: what it had taken in is there. */
  readonly isBegun: boolean;
  /** All has come: from here on the store is one like any other. */
  finish(): void;
  /** The clone failed. The place is left as it was before. */
  leave(): void;
}

/**
 * Takes a place for a clone: one that is absent or empty, or where a clone of the same source was killed. Until `finish` the store has a mark, which no
 * other has, and on which flock(2) is held: of two clones into one place one has it, and a killed one holds none.
 *
 * @throws VarveError DESTINATION_NOT_EMPTY, WRONG_TYPE, PERMISSION, DISK_FULL.
 */
export function takeClonePlace(request: CloneRequest): ClonePlace {
  const { directory, store, branch } = request;
  const layout = storeLayout(store);
  const isNew = !existsSync(directory);
  requireFree(request, layout);
  makePlace(directory);
  let mark: Mark | undefined;
  try {
    mark = takeMark(request, layout);
    if (!existsSync(layout.format)) initStore(store, branch);
  } catch (error) {
    giveUp(request, layout, { mark, isNew });
    throw systemFailure(`clone into "${directory}"`, error, directory);
  }
  const taken = mark;
  return {
    isBegun: taken.isBegun,
    finish: () => {
      rmSync(layout.cloning);
      syncDirectory(layout.root);
      closeSync(taken.fd);
    },
    leave: () => giveUp(request, layout, { mark: taken, isNew }),
  };
}

/** What was begun goes, as far as it is this clone's. */
function giveUp(
  { directory }: CloneRequest,
  layout: StoreLayout,
  { mark, isNew }: { readonly mark: Mark | undefined; readonly isNew: boolean },
): void {
  if (mark === undefined) {
    for (const folder of [layout.scratch, layout.root]) if (!existsSync(layout.cloning)) removeEmpty(folder);
    if (isNew) removeEmpty(directory);
    return;
  }
  try {
    if (!mark.isBegun) clear(directory, layout, isNew);
  } catch {
    // What stays has the mark, for the next try: why the clone failed matters more.
  } finally {
    closeSync(mark.fd);
  }
}

function requireFree({ directory, store, source }: CloneRequest, layout: StoreLayout): void {
  if (!existsSync(directory)) return;
  const names = namesIn(directory);
  if (names?.length === 0) return;
  if (names === undefined) throw occupied(directory);
  if (existsSync(layout.cloning)) return requireSame(directory, layout, source);
  // Killed before it had its mark.
  const isAlone = store === directory || names.every((name) => name === path.basename(store));
  if (!isAlone || !isBarelyBegun(layout)) throw occupied(directory);
}

function isBarelyBegun(layout: StoreLayout): boolean {
  const names = namesIn(layout.root);
  if (names === undefined || names.some((name) => name !== path.basename(layout.scratch))) return false;
  return names.length === 0 || readdirSync(layout.scratch).every((name) => isDeadScratch(layout, name));
}

function namesIn(directory: string): readonly string[] | undefined {
  try {
    return readdirSync(directory);
  } catch {
    return undefined;
  }
}

interface Mark {
  /** The lock is held on it. */
  readonly fd: number;
  readonly isBegun: boolean;
}

function takeMark(request: CloneRequest, layout: StoreLayout): Mark {
  const { directory, source } = request;
  if (existsSync(layout.cloning)) return takeUp(request, layout);
  if (existsSync(layout.format)) throw occupied(directory);
  makeDirectories(layout.scratch, 0o700);
  const scratch = scratchPath(layout, "clone");
  writeNewFile(scratch, Buffer.from(`${JSON.stringify({ source })}\n`), 0o600);
  // Locked before it has its name: whoever sees it there and can lock it knows that its maker is gone.
  const fd = openRegularFile(scratch);
  try {
    tryLock(fd, "exclusive");
    linkSync(scratch, layout.cloning);
    return { fd, isBegun: false };
  } catch (error) {
    closeSync(fd);
    throw errnoOf(error) === "EEXIST" ? occupied(directory) : error;
  } finally {
    rmSync(scratch, { force: true });
  }
}

function takeUp({ directory, source }: CloneRequest, layout: StoreLayout): Mark {
  const fd = openRegularFile(layout.cloning, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    // Without a name it is of one that has ended meanwhile.
    if (!tryLock(fd, "exclusive") || fstatSync(fd).nlink === 0) throw occupied(directory);
    requireSame(directory, layout, source);
    return { fd, isBegun: true };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function requireSame(directory: string, layout: StoreLayout, source: string): void {
  const begun = markedSource(layout);
  if (begun === source) return;
  if (begun === undefined) throw occupied(directory);
  throw new VarveError(
    "DESTINATION_NOT_EMPTY",
    `Cannot clone into "${directory}": a clone of "${begun}" was stopped there, and this is one of "${source}"`,
    { path: directory, hint: "Clone the same again to go on with it, remove the directory, or name another place." },
  );
}

/** @returns `undefined` for a mark that no clone wrote. */
function markedSource({ cloning }: StoreLayout): string | undefined {
  try {
    const { source } = JSON.parse(readRegularFile(cloning, { largest: LARGEST_MARK_BYTES }).toString("utf8")) as {
      source: unknown;
    };
    return typeof source === "string" ? source : undefined;
  } catch {
    return undefined;
  }
}

/** The mark goes last, and the lock with it: until then no other clone begins here. */
function clear(directory: string, layout: StoreLayout, isNew: boolean): void {
  const { root, format, cloning } = layout;
  const remove = (within: string, kept: string): void => {
    for (const name of readdirSync(within)) {
      const file = path.join(within, name);
      if (file !== kept) rmSync(file, { recursive: true, force: true });
    }
  };
  rmSync(format, { force: true });
  if (root !== directory) remove(directory, root);
  remove(root, cloning);
  rmSync(cloning, { force: true });
  if (root !== directory) removeEmpty(root);
  if (isNew) removeEmpty(directory);
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Somebody has put something there.
  }
}

function occupied(directory: string): VarveError {
  return new VarveError("DESTINATION_NOT_EMPTY", `Cannot clone into "${directory}": it is there, and no empty directory`, {
    path: directory,
    hint: "Name another place: varve clone SOURCE DIR",
  });
}
