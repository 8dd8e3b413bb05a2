import { rmSync, rmdirSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { Signature } from "../../core/model/commit.js";
import type { RefName } from "../../core/model/ids.js";
import type { RefUpdate } from "../../core/ports/history.js";
import { parseRefName, shortName } from "../../core/revision/ref-names.js";
import { syncDirectory, syncNearest, writeNewFile } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { readPackedRefs, withoutPackedRefs } from "./packed-refs.js";
import { listRefNames, readLooseRef, readRefFile } from "./ref-files.js";
import { lockFile, type FileLock } from "./ref-lock.js";
import { appendReflog, copyReflog, hasReflog, removeReflog } from "./reflog.js";

/** Kind of the scratch file that lists the moves of an update of several refs, from its decision to its end. */
export const JOURNAL_SCRATCH = "ref-journal";

/** What git's log says of the moves. */
export interface MoveNote {
  readonly who: Signature;
  readonly reason: string;
}

/**
 * Moves refs, all or none: locks all, checks all, notes several ones in a journal, then moves. The store's lock is held.
 * A crash before the journal is durable leaves all as they were; after it, recovery completes the moves.
 *
 * @param note Absent for refs that are to pass: they have no log, and the moves are not made durable.
 * @throws VarveError CONFLICT, NAME_TAKEN, BAD_NAME, STORE_LOCKED, PERMISSION, DISK_FULL.
 */
export async function moveRefs(layout: StoreLayout, updates: readonly RefUpdate[], note: MoveNote | undefined): Promise<void> {
  const sorted = [...updates].sort((a, b) => (a.name < b.name ? -1 : 1));
  sorted.forEach(({ name }, at) => {
    parseRefName(name);
    if (name === sorted[at + 1]?.name) throw new RangeError(`${name} is moved twice in one update`);
  });
  const locks = new Map<string, FileLock>();
  try {
    refuseFolders(layout.git, sorted);
    await lockAll(layout, sorted, locks);
    for (const update of sorted) checkBefore(layout.git, update);
    applyMoves(layout, sorted, locks, note);
  } catch (error) {
    throw systemFailure("move the refs", error, layout.git);
  } finally {
    for (const lock of locks.values()) lock.release();
    for (const { name, after } of sorted) if (after === undefined) removeEmptyParents(layout.git, name);
  }
}

async function lockAll(layout: StoreLayout, updates: readonly RefUpdate[], locks: Map<string, FileLock>): Promise<void> {
  const { git } = layout;
  for (const { name, after, afterTag } of updates) {
    locks.set(name, await lockFile(layout, path.join(git, name), after === undefined ? undefined : `${afterTag ?? after}\n`));
  }
  // Git's commands that rewrite HEAD's log hold this lock; those that rewrite a branch's log hold the branch's.
  if (updates.some(({ name }) => isHead(git, name))) locks.set("HEAD", await lockFile(layout, path.join(git, "HEAD"), undefined));
  const deleted = new Set(updates.filter(({ after }) => after === undefined).map(({ name }) => name));
  const packed = deleted.size > 0 ? withoutPackedRefs(git, deleted) : undefined;
  if (packed !== undefined) locks.set("packed-refs", await lockFile(layout, path.join(git, "packed-refs"), packed));
}

/** `refs/heads/a` and `refs/heads/a/b` can't both be files; git forbids it in packed-refs too. */
function refuseFolders(git: string, updates: readonly RefUpdate[]): void {
  const made = updates.filter(({ before, after }) => before === undefined && after !== undefined);
  if (made.length === 0) return;
  const gone = new Set(updates.filter(({ after }) => after === undefined).map(({ name }) => name));
  const coming = new Set<string>(made.map(({ name }) => name));
  for (const { name } of made) {
    const above = foldersOf(name).filter((folder) => coming.has(folder) || refExists(git, folder));
    const others = [...above, ...listRefNames(git, `${name}/`)];
    const other = others.find((taken) => !gone.has(taken as RefName));
    if (other === undefined) continue;
    throw new VarveError(
      "NAME_TAKEN",
      `Cannot make "${shortName(name)}": "${shortName(other as RefName)}" exists, and one is a folder of the other`,
      {
        hint: "Choose another name, or delete the one that exists: its commits stay.",
      },
    );
  }
}

/** `refs/heads/a/b` → `refs/heads/a`. */
function foldersOf(name: string): string[] {
  const parts = name.split("/");
  return parts.slice(3).map((_, at) => parts.slice(0, at + 3).join("/"));
}

function refExists(git: string, name: string): boolean {
  return readPackedRefs(git).has(name) || readLooseRef(git, name) !== undefined;
}

function checkBefore(git: string, { name, before, beforeTag }: RefUpdate): void {
  const now = readRefFile(git, name);
  if (now === (beforeTag ?? before)) return;
  if (before !== undefined && beforeTag === undefined && readPackedRefs(git).get(name)?.peeled === before) return;
  const state =
    now === undefined
      ? "it is gone"
      : before === undefined
        ? "it exists"
        : `it is at ${now.slice(0, 12)}, not at ${before.slice(0, 12)}`;
  throw new VarveError("CONFLICT", `Cannot move "${shortName(name)}": ${state}`, {
    hint: "Another command moved it meanwhile. Look at `varve log`, then run this one again.",
  });
}

function applyMoves(
  layout: StoreLayout,
  updates: readonly RefUpdate[],
  locks: ReadonlyMap<string, FileLock>,
  note: MoveNote | undefined,
): void {
  if (note !== undefined) for (const update of updates) logMove(layout.git, update, note);
  const journal = updates.length > 1 ? writeJournal(layout, updates) : undefined;
  locks.get("packed-refs")?.replace();
  for (const { name, after } of updates) {
    if (after === undefined) removeRef(layout.git, name);
    else locks.get(name)?.replace();
  }
  if (note !== undefined) syncFolders(layout.git, updates);
  if (journal !== undefined) rmSync(journal, { force: true });
}

function writeJournal(layout: StoreLayout, updates: readonly RefUpdate[]): string {
  const journal = scratchPath(layout, JOURNAL_SCRATCH);
  try {
    writeNewFile(journal, Buffer.from(`${JSON.stringify({ updates })}\n`));
    syncDirectory(layout.scratch);
    return journal;
  } catch (error) {
    rmSync(journal, { force: true });
    throw error;
  }
}

/** Before the move, as git does: what is logged may not have happened, but nothing happens unlogged. */
function logMove(git: string, { name, before, after, from }: RefUpdate, note: MoveNote): void {
  if (from !== undefined) copyReflog(git, from, name);
  if (isHead(git, name)) appendReflog(git, "HEAD", { before, after, ...note });
  if (after !== undefined && hasReflog(name)) appendReflog(git, name, { before, after, ...note });
}

/** Whether HEAD names this branch. */
function isHead(git: string, name: RefName): boolean {
  const head = readLooseRef(git, "HEAD");
  return head !== undefined && "symbolic" in head && head.symbolic === name;
}

/** Removes the loose ref and its log; this first, as git does: a log without its branch tells of a branch that was lost. */
export function removeRef(git: string, name: RefName): void {
  removeReflog(git, name);
  rmSync(path.join(git, name), { force: true });
}

/** Makes moves durable. */
export function syncFolders(git: string, updates: readonly RefUpdate[]): void {
  const folders = new Set(updates.map(({ name }) => path.dirname(path.join(git, name))));
  if (updates.some(({ after }) => after === undefined)) folders.add(git);
  for (const folder of folders) syncNearest(folder);
}

/** As git: `refs/heads/a/` goes with its last branch, so that a branch `a` can be made. `refs/heads` itself stays. */
function removeEmptyParents(git: string, name: RefName): void {
  for (const root of [git, path.join(git, "logs")]) {
    for (const folder of foldersOf(name).reverse()) {
      try {
        rmdirSync(path.join(root, folder));
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        break;
      }
    }
  }
}
