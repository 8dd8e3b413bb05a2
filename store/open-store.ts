import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readSync, statSync, type Stats } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import { deadScratch } from "./scratch.js";
import { FORMAT_NUMBER, storeLayout, type StoreLayout } from "./store-layout.js";
import { errnoOf, systemFailure } from "./system-failure.js";

/** A number and its newline are shorter; more is no format file. */
const FORMAT_FILE_BYTES = 32;

export interface OpenOptions {
  /** Nobody named the store: a command came upon it above the directory where it was given. */
  readonly wasFound?: boolean;
}

/**
 * Opens a store: checks that it is one, of this format and of this user, and clears away what dead processes left unfinished.
 *
 * @param directory The store itself (`/srv/root/.varve`).
 * @throws VarveError STORE_MISSING, STORE_FORMAT, STORE_DAMAGED, PERMISSION.
 */
export async function openStore(directory: string, { wasFound = false }: OpenOptions = {}): Promise<StoreLayout> {
  const layout = storeLayout(directory);
  checkOwner(layout, wasFound);
  checkFormat(layout);
  checkFolders(layout);
  if (deadScratch(layout).length > 0) {
    const { recoverStore } = await import("./recover-store.js");
    await recoverStore(layout);
  }
  return layout;
}

/**
 * Somebody else's store could hold hooks for us: names, links and sizes that no command of ours wrote (as git's safe.directory). Root may use
 * any store that was named, but of those that were come upon only its own, and that of the user who called it by sudo.
 */
function checkOwner({ root }: StoreLayout, wasFound: boolean): void {
  const owner = statOf(root);
  if (owner === undefined) throw missing(root);
  const user = process.geteuid?.() ?? 0;
  if (owner.uid === user) return;
  if (user === 0) {
    if (!wasFound || process.env["SUDO_UID"] === String(owner.uid)) return;
    throw new VarveError(
      "PERMISSION",
      `Cannot use the store "${root}" that was found here: it belongs to user ${owner.uid}, this is root`,
      {
        path: root,
        hint: `If you trust it, name it: varve --store ${root} …`,
      },
    );
  }
  throw new VarveError("PERMISSION", `Cannot open the store "${root}": it belongs to user ${owner.uid}, this is user ${user}`, {
    path: root,
    hint: "Run the command as the store's owner or as root.",
  });
}

function checkFormat({ root, format }: StoreLayout): void {
  const text = readFormat(format);
  if (text === undefined) throw missing(root);
  if (text === `${FORMAT_NUMBER}\n`) return;
  const number = /^(\d{1,9})\n$/.exec(text)?.[1];
  const found = number === undefined ? "its format file holds no number" : `it has format ${number}`;
  const hint =
    number !== undefined && Number(number) > FORMAT_NUMBER
      ? "A newer varve made this store. Install that version, or a newer one."
      : "The file may be damaged. If a store of varve 0.1 stood here, its format file holds the line 1.";
  throw new VarveError("STORE_FORMAT", `Cannot open the store "${root}": ${found}, expected format ${FORMAT_NUMBER}`, {
    path: format,
    hint,
  });
}

/** @returns `undefined` when there is none. */
function readFormat(file: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) return "";
    const bytes = Buffer.alloc(FORMAT_FILE_BYTES);
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    if (errnoOf(error) === "ELOOP") return "";
    throw systemFailure("open the store", error, file);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function checkFolders(layout: StoreLayout): void {
  const { root, git, layers, operations, containers } = layout;
  for (const needed of [
    path.join(git, "HEAD"),
    path.join(git, "objects"),
    path.join(git, "refs"),
    layers,
    operations,
    containers,
  ]) {
    if (existsSync(needed)) continue;
    throw new VarveError("STORE_DAMAGED", `Cannot open the store "${root}": "${path.relative(root, needed)}" is missing`, {
      path: needed,
      hint: "Restore it from a backup of the store. Nothing was changed.",
    });
  }
  for (const derived of [layout.views, layout.commitCache, layout.scratch]) makeAgain(derived);
}

/** These may be deleted at any time. Where nothing can be written, a store is read without them. */
function makeAgain(folder: string): void {
  try {
    // Not with `recursive`: of a read-only filesystem that gives ENOENT.
    if (!existsSync(folder)) mkdirSync(folder);
  } catch (error) {
    // ENOENT: the folder that it belongs into could not be made.
    if (["EEXIST", "EROFS", "ENOENT"].includes(errnoOf(error) ?? "")) return;
    throw systemFailure(`make "${folder}"`, error, folder);
  }
}

function statOf(directory: string): Stats | undefined {
  try {
    return statSync(directory);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) return undefined;
    throw systemFailure("open the store", error, directory);
  }
}

function missing(root: string): VarveError {
  return new VarveError("STORE_MISSING", `Cannot open the store "${root}": there is none`, {
    path: root,
    hint: "Make one with `varve init DIR`, or name one with --store.",
  });
}
