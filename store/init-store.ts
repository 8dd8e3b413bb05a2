import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import { makeDirectories } from "../linux/make-directories.js";
import { replaceFile, syncDirectory, writeNewFile } from "./durable-file.js";
import { scratchPath } from "./scratch.js";
import { FORMAT_NUMBER, storeLayout, type StoreLayout } from "./store-layout.js";
import { errnoOf, systemFailure } from "./system-failure.js";

const GIT_CONFIG = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogallrefupdates = true
`;

/**
 * Makes a store. An init that was stopped half-way is completed; nothing that stands already is changed. One that fails leaves no part of a store.
 *
 * @param directory The store itself (`/srv/root/.varve`); it and what is missing above it are made.
 * @param branch The branch that HEAD names, which has no commit yet.
 * @throws VarveError STORE_EXISTS, WRONG_TYPE, DESTINATION_NOT_EMPTY, PERMISSION, DISK_FULL.
 */
export function initStore(directory: string, branch = "main"): StoreLayout {
  const layout = storeLayout(directory);
  const isNew = !existsSync(layout.root);
  try {
    refuseForeign(layout);
    makeFolders(layout);
    makeGit(layout, branch);
    writeFormat(layout);
    return layout;
  } catch (error) {
    if (isNew) takeAway(layout);
    if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "EEXIST") throw noDirectory(layout.root, error);
    throw systemFailure(`make the store "${layout.root}"`, error, layout.root);
  }
}

/** All at once: another init at the same place fails then, and completes nothing of which parts go meanwhile. */
function takeAway({ root, format }: StoreLayout): void {
  const aside = `${root}.${process.pid}`;
  try {
    if (existsSync(format)) return;
    renameSync(root, aside);
    // That other one may just have completed it.
    if (existsSync(path.join(aside, path.basename(format)))) renameSync(aside, root);
    else rmSync(aside, { recursive: true });
  } catch {
    // There is nothing to remove, or it can't be: why the init failed matters more.
  }
}

/** Makes a directory that a store is to be in, and what is missing above it. @throws VarveError WRONG_TYPE, PERMISSION, PATH_MISSING, DISK_FULL. */
export function makePlace(directory: string): void {
  try {
    makeDirectories(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "EEXIST") throw noDirectory(directory, error);
    throw systemFailure(`make the directory "${directory}"`, error, directory);
  }
}

function noDirectory(directory: string, cause: unknown): VarveError {
  return new VarveError("WRONG_TYPE", `Cannot make the store "${directory}": a part of its path is no directory`, {
    path: directory,
    hint: "Name a directory. What is missing of its path is made.",
    cause,
  });
}

function refuseForeign(layout: StoreLayout): void {
  if (existsSync(layout.format)) throw storeExists(layout);
  const ours = namesOf(layout);
  const foreign = existsSync(layout.root) ? readdirSync(layout.root).filter((name) => !ours.has(name)) : [];
  if (foreign.length === 0) return;
  throw new VarveError("DESTINATION_NOT_EMPTY", `Cannot make the store "${layout.root}": the directory holds other files`, {
    path: path.join(layout.root, foreign[0] ?? ""),
    hint: "Name a directory that is empty, or that does not exist yet.",
  });
}

/** What may stand in a store's directory. */
export function namesOf({ root, ...paths }: StoreLayout): ReadonlySet<string> {
  const below = Object.values(paths).flatMap((value) => (typeof value === "string" ? [path.relative(root, value)] : []));
  return new Set(below.map((name) => name.split("/")[0] ?? name));
}

function makeFolders(layout: StoreLayout): void {
  const { root, git, layers, views, commitCache, blobs, operations, containers, progress, worktree, scratch } = layout;
  makeDirectories(root, 0o700);
  chmodSync(root, 0o700);
  const gitFolders = ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"].map((name) => path.join(git, name));
  for (const folder of [layers, views, commitCache, blobs, operations, containers, progress, worktree, scratch, ...gitFolders]) {
    mkdirSync(folder, { recursive: true });
  }
}

function makeGit(layout: StoreLayout, branch: string): void {
  const { git, layers } = layout;
  const files = { config: GIT_CONFIG, description: "A varve store: each commit's layer.json names its layer image\n" };
  for (const [name, text] of Object.entries({ ...files, HEAD: `ref: refs/heads/${branch}\n` })) {
    const file = path.join(git, name);
    if (!existsSync(file)) replaceFile(file, Buffer.from(text), scratchPath(layout, "init"));
  }
  for (const folder of [path.join(git, "objects"), path.join(git, "refs"), git, path.dirname(layers)]) syncDirectory(folder);
}

/** From here on it is a store. A link, since of two inits at once only one may win. */
function writeFormat(layout: StoreLayout): void {
  syncDirectory(layout.root);
  const scratch = scratchPath(layout, "format");
  writeNewFile(scratch, Buffer.from(`${FORMAT_NUMBER}\n`));
  try {
    linkSync(scratch, layout.format);
  } catch (error) {
    throw errnoOf(error) === "EEXIST" ? storeExists(layout) : error;
  } finally {
    rmSync(scratch, { force: true });
  }
  syncDirectory(layout.root);
  syncDirectory(path.dirname(layout.root));
}

function storeExists(layout: StoreLayout): VarveError {
  return new VarveError("STORE_EXISTS", `Cannot make the store "${layout.root}": a store stands there`, {
    path: layout.root,
    hint: "Use the store that is there, or name another directory.",
  });
}
