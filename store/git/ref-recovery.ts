import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { parseCommitId, type CommitId, type RefName } from "../../core/model/ids.js";
import type { RefUpdate } from "../../core/ports/history.js";
import { parseRefName } from "../../core/revision/ref-names.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { replaceFile } from "../durable-file.js";
import { scratchPath } from "../scratch.js";
import type { StoreLayout } from "../store-layout.js";
import { withoutPackedRefs } from "./packed-refs.js";
import { readRefFile } from "./ref-files.js";
import { LOCK_SCRATCH, makeDurableDirectory, removeEmptyDirectories } from "./ref-lock.js";
import { removeReflog } from "./reflog.js";
import { JOURNAL_SCRATCH, removeRef, syncFolders } from "./ref-transaction.js";

const LARGEST_JOURNAL_BYTES = 2 ** 26;

/**
 * Brings the ref moves of dead processes to their end, and removes the git locks that they held. The store's lock is held.
 *
 * @param names Leftovers in scratch/.
 * @returns Those that must stay, because what they stand for could not be done now.
 */
export function finishRefUpdates(layout: StoreLayout, names: readonly string[]): Set<string> {
  const kept = new Set<string>();
  const locked = removeDeadLocks(
    layout,
    names.filter((name) => name.startsWith(`${LOCK_SCRATCH}-`)),
  );
  for (const name of names.filter((leftover) => leftover.startsWith(`${JOURNAL_SCRATCH}-`))) {
    try {
      finishJournal(layout, path.join(layout.scratch, name));
    } catch {
      // One that can't be mended must not keep the store from being read.
      kept.add(name);
    }
  }
  // A ref that was to be made has its log before it is there: such a log would tell of a ref that is lost.
  for (const name of locked) if (!isThere(layout.git, name)) removeReflog(layout.git, name);
  return kept;
}

function isThere(git: string, name: RefName): boolean {
  try {
    return readRefFile(git, name) !== undefined;
  } catch {
    // One that can't be read is there.
    return true;
  }
}

/** A lock file is a hard link to its owner's scratch file. @returns The refs that were locked. */
function removeDeadLocks({ scratch, git }: StoreLayout, names: readonly string[]): readonly RefName[] {
  const dead = new Set(names.map((name) => statSync(path.join(scratch, name), { throwIfNoEntry: false })?.ino));
  if (names.length === 0) return [];
  const locks = readdirSync(path.join(git, "refs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".lock"))
    .map((name) => path.join(git, "refs", name));
  const all = [...locks, path.join(git, "packed-refs.lock"), path.join(git, "HEAD.lock"), path.join(git, "config.lock")];
  const ours = all.filter((lock) => dead.has(statSync(lock, { throwIfNoEntry: false })?.ino ?? -1));
  for (const lock of ours) rmSync(lock, { force: true });
  return ours
    .map((lock) => path.relative(git, lock).slice(0, -".lock".length) as RefName)
    .filter((name) => name.startsWith("refs/"));
}

/** A journal is written before the first ref moves: those that have not moved yet are moved. A torn one was never decided. */
function finishJournal(layout: StoreLayout, journal: string): void {
  const updates = readJournal(journal);
  const open = updates.filter(({ name, before }) => readRefFile(layout.git, name) === before);
  const deleted = new Set(open.filter(({ after }) => after === undefined).map(({ name }) => name));
  const packed = withoutPackedRefs(layout.git, deleted);
  if (packed !== undefined)
    replaceFile(path.join(layout.git, "packed-refs"), Buffer.from(packed), scratchPath(layout, "recovery"));
  for (const { name, after } of open) {
    if (after === undefined) removeRef(layout.git, name);
    else putRef(layout, name, after);
  }
  syncFolders(layout.git, updates);
}

function putRef(layout: StoreLayout, name: string, id: CommitId): void {
  const file = path.join(layout.git, name);
  makeDurableDirectory(path.dirname(file), layout.git);
  if (existsSync(file)) removeEmptyDirectories(file);
  replaceFile(file, Buffer.from(`${id}\n`), scratchPath(layout, "recovery"));
}

function readJournal(journal: string): RefUpdate[] {
  let value: unknown;
  try {
    value = JSON.parse(readRegularFile(journal, { largest: LARGEST_JOURNAL_BYTES }).toString("utf8"));
  } catch {
    return [];
  }
  const { updates } = value as { updates: readonly Readonly<Record<keyof RefUpdate, string | undefined>>[] };
  const id = (text: string | undefined): CommitId | undefined => (text === undefined ? undefined : parseCommitId(text));
  // Of an annotated tag the ref holds the tag's own id.
  return updates.map(({ name, before, after, beforeTag, afterTag }) => ({
    name: parseRefName(String(name)),
    before: id(beforeTag ?? before),
    after: id(afterTag ?? after),
  }));
}
