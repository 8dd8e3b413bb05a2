import { accessSync, constants, existsSync, readdirSync, rmdirSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import { bytesOfText, joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { Tree, TreeNode } from "../../core/model/tree.js";
import type { LayerProgress } from "../../core/model/layer-progress.js";
import type { Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { AT_FDCWD, duplicateDescriptor, O_CLOEXEC, openAt } from "../../linux/open-at.js";
import { hasCode } from "../../linux/errno.js";
import { makeDirectories } from "../../linux/make-directories.js";
import { readDirectory } from "../../linux/read-directory.js";
import { systemFailure } from "../system-failure.js";
import { emptyDirectory } from "../../linux/unlink.js";
import { type ApplyOptions, attempt, type DirectoryWriter, TreeChange } from "./apply-tree.js";
import { DirectoryOpener } from "./directory-opener.js";
import { NodeWriter, setDirectoryMetadata } from "./node-writer.js";
import { WritePermission } from "./write-permission.js";

const ROOT = "" as ByteString;

type Observe = (progress: LayerProgress) => void;

/**
 * Writes a tree into an empty directory, made when absent; its root's metadata too. Holes stay holes, hardlinks are kept. What fails
 * half-way, or is interrupted, leaves nothing: no half a tree is to be taken for one.
 *
 * @param observe Hears how far it is, now and then.
 * @throws VarveError DESTINATION_NOT_EMPTY, WRONG_TYPE; PERMISSION, before anything is written where owners, devices or xattrs can't be
 *   set; DISK_FULL.
 */
export function* writeTree(target: Tree, directory: string, observe?: Observe): Turns<void> {
  yield* requirePermission(target);
  const made = makeRoot(directory);
  try {
    yield* withWriter(directory, (writer) => fillOrEmpty(writer, target, directory), observe);
  } catch (error) {
    if (made !== undefined) removeDirectories(directory, made);
    throw ofDestination(error, directory);
  }
}

/** It is the disk that is full, whichever file of the tree came last. */
export function ofDestination(error: unknown, directory: string): unknown {
  if (!(error instanceof VarveError) || error.code !== "DISK_FULL") return error;
  return new VarveError("DISK_FULL", `Cannot write "${directory}": the disk is full`, {
    path: path.resolve(directory),
    hint: "Free some space, or name a directory on another disk. Nothing was left there.",
    cause: error,
  });
}

/**
 * Whether `writeTree` could begin, as far as that can be known without writing anything.
 * @throws VarveError as `writeTree`.
 */
export function* requireWritable(target: Tree, directory: string): Turns<void> {
  yield* requirePermission(target);
  const nearest = nearestExisting(path.resolve(directory));
  try {
    if (!statSync(nearest).isDirectory()) throw noDirectory(directory, undefined);
    accessSync(nearest, constants.W_OK | constants.X_OK);
    if (nearest === path.resolve(directory) && readdirSync(nearest, "latin1").length > 0) throw notEmpty(directory);
  } catch (error) {
    throw systemFailure(`write "${directory}"`, error, directory);
  }
}

function nearestExisting(place: string): string {
  return existsSync(place) || path.dirname(place) === place ? place : nearestExisting(path.dirname(place));
}

function* requirePermission(target: Tree): Turns<void> {
  const permission = new WritePermission();
  if (!permission.isFull) yield* checkNode(permission, target.root, ROOT);
}

function* fillOrEmpty({ opener, writer }: DirectoryWriter, target: Tree, directory: string): Turns<void> {
  if (readDirectory(opener.root).names.length > 0) throw notEmpty(directory);
  try {
    for (const [name, node] of target.root.children()) yield* writer.write(node, name, ROOT, name);
    settleRoot(opener, target, directory);
  } catch (error) {
    attempt(() => emptyDirectory(duplicateDescriptor(opener.root)));
    throw error;
  }
}

/** @returns The topmost one that was not there. */
function makeRoot(directory: string): string | undefined {
  try {
    return makeDirectories(directory);
  } catch (error) {
    if (!hasCode(error, "EEXIST", "ENOTDIR")) throw systemFailure(`make "${directory}"`, error, directory);
    throw noDirectory(directory, error);
  }
}

function noDirectory(directory: string, cause: unknown): VarveError {
  return new VarveError("WRONG_TYPE", `Cannot write into "${directory}": a part of its path is no directory`, {
    path: directory,
    hint: "Name a directory that is empty or absent.",
    cause,
  });
}

/** Those that are empty, from the lowest up to the topmost. */
function removeDirectories(lowest: string, topmost: string): void {
  attempt(() => {
    for (let directory = path.resolve(lowest); ; directory = path.dirname(directory)) {
      rmdirSync(directory);
      if (directory === path.resolve(topmost)) return;
    }
  });
}

/**
 * Makes a directory equal to `target`, touching only what differs. What is new is written beside first, and moved into place when
 * all is written. Stopped half-way, it is completed by doing it again with what stands there then.
 *
 * @param current The directory's own tree, of just now.
 * @throws VarveError PERMISSION, DISK_FULL; then nothing has changed, where it could be known before.
 */
export function* applyTree(current: Tree, target: Tree, directory: string, options: ApplyOptions = {}): Turns<void> {
  yield* withWriter(directory, function* (writer) {
    const permission = new WritePermission();
    if (!permission.isFull) yield* new TreeChange(writer, current, options, permission).stage(target);
    const change = new TreeChange(writer, current, options);
    yield* change.stage(target);
    change.finish();
  });
}

function* withWriter(directory: string, work: (writer: DirectoryWriter) => Turns<void>, observe?: Observe): Turns<void> {
  const opener = new DirectoryOpener(openRoot(directory));
  const sources = new DirectoryOpener(duplicateDescriptor(opener.root));
  try {
    yield* work({ opener, sources, writer: new NodeWriter(opener, sources, observe) });
  } finally {
    sources.close();
    opener.close();
  }
}

function openRoot(directory: string): number {
  try {
    return openAt(AT_FDCWD, bytesOfText(directory), constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC);
  } catch (error) {
    throw systemFailure(`open "${directory}"`, error, directory);
  }
}

function settleRoot(opener: DirectoryOpener, target: Tree, directory: string): void {
  try {
    setDirectoryMetadata(opener.root, target.root);
  } catch (error) {
    throw systemFailure(`write "${directory}"`, error, directory);
  }
}

function* checkNode(permission: WritePermission, node: TreeNode, place: ByteString): Turns<void> {
  if (isTurnDue()) yield;
  permission.check(node.entry, place);
  if (!("children" in node)) return;
  for (const [name, child] of node.children()) yield* checkNode(permission, child, joinPath(place, name));
}

function notEmpty(directory: string): VarveError {
  return new VarveError("DESTINATION_NOT_EMPTY", `Cannot write into "${directory}": it holds files, wanted an empty directory`, {
    path: directory,
    hint: "Name another directory, or empty this one.",
  });
}
