import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { VarveError } from "../core/errors.js";
import { mergeBase } from "../core/history/merge-base.js";
import type { CommitId } from "../core/model/ids.js";
import type { OutsideReaders, OutsideSource } from "../core/operations/outside-source.js";
import { parseSide, type AnySide } from "../core/operations/sides.js";
import { findTarget, headOf } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import type { Session } from "./command.js";
import { openImportSource } from "./import-source.js";
import { openOutsideReaders, openRepository } from "./open-repository.js";
import { commitOf, splitRangeWord } from "./revision-words.js";
import { withinTracked } from "./open-target.js";
import { shellLine } from "./shell-line.js";
import { locateStore, surroundings, trackedStore } from "./store-location.js";

/** For the help of commands that take them. */
export const WHAT_SIDES_ARE =
  "A and B are revisions, @ (the tracked directory as it is now), @NAME (the container NAME), or trees of this machine: a directory, a tar archive (plain or compressed, - for stdin), or an OCI layout (a directory that holds oci-layout; DIR:NAME when it has several images). A word that begins with / ./ or ../ is a path; any other is one when no revision has that name.";

export type OpenedSides =
  | { readonly repository: Repository; readonly before: AnySide; readonly after: AnySide }
  /** Neither needs a store. */
  | { readonly readers: OutsideReaders; readonly before: OutsideSource; readonly after: OutsideSource };

/** What two words mean. @throws VarveError REVISION_UNKNOWN, SOURCE_MISSING, SOURCE_UNREADABLE, and what opening a store throws. */
export async function openSides(session: Session, first: string, second: string): Promise<OpenedSides> {
  if (isOutsideWord(first) && isOutsideWord(second)) return openOutside(first, second);
  let repository: Repository;
  try {
    repository = await openRepository(trackedFor(session, [first, second]));
  } catch (error) {
    if (!isWithoutStore(session, error) || !mayBeOutside(first) || !mayBeOutside(second)) throw error;
    // Where there is no store, no revision has that name.
    return openOutside(first, second);
  }
  return { repository, before: await sideOf(repository, first), after: await sideOf(repository, second) };
}

async function openOutside(first: string, second: string): Promise<OpenedSides> {
  const [before, after] = [await openSource(first), await openSource(second)];
  return { readers: await openOutsideReaders(), before, after };
}

/** Whether nobody named a store, and there is none. */
function isWithoutStore({ store }: Session, error: unknown): boolean {
  return error instanceof VarveError && error.code === "STORE_MISSING" && locateStore(store, surroundings()).isDefault;
}

/** Whether a word is a tree from outside where no revision has that name. */
function mayBeOutside(word: string): boolean {
  return isOutsideWord(word) || (word !== "" && !word.startsWith("@") && (existsSync(word) || layoutOf(word) !== undefined));
}

/**
 * What a word alone means: that against the tracked directory as it is now.
 * @throws VarveError As `openSides`; TARGET_UNKNOWN for a path within the tracked directory, which people who know git give without "--".
 */
export async function openSideAlone(session: Session, word: string): Promise<OpenedSides> {
  const opened = await openSides(session, word, "@");
  const place = path.resolve(word);
  const location = word === "-" ? undefined : trackedStore(place);
  const isWithin =
    "repository" in opened && location?.tracked !== undefined && location.tracked === opened.repository.worktree?.path;
  const isPath = opened.before.kind === "outside" && opened.before.source.kind !== "layout";
  if (isWithin && isPath && existsSync(place) && !isArchiveName(word)) throw withinTracked(word, location);
  return opened;
}

/** What stands in a tracked directory, and is meant as a tree all the same. */
function isArchiveName(word: string): boolean {
  return /\.(tar|tgz|txz|tzst)(\.(gz|xz|zst))?$/i.test(word);
}

/** What `A..B`, `A...B` and `A^!` are as two sides. `undefined` for any other word. */
export async function sidesOfRange(session: Session, word: string): Promise<OpenedSides | undefined> {
  if (isOutsideWord(word)) return undefined;
  if (word.endsWith("^!")) return openCommitAlone(session, word.slice(0, -2));
  const range = splitRangeWord(word);
  if (range === undefined) return undefined;
  if (!range.symmetric) return openSides(session, range.from, range.to);
  const repository = await openRepository(session);
  const [one, after] = [await parseSide(repository, range.from), await parseSide(repository, range.to)];
  const [from, to] = [await commitOfSide(repository, one), await commitOfSide(repository, after)];
  const base = from === undefined || to === undefined ? undefined : await mergeBase(repository.history, from, to);
  if (base !== undefined) return { repository, before: { kind: "commit", commit: base }, after };
  throw new VarveError(
    "REVISION_UNKNOWN",
    `Cannot find where "${range.from}" and "${range.to}" part: they have no commit in common`,
    {
      hint: `To compare the two themselves: varve diff ${shellLine([range.from, range.to])}`,
    },
  );
}

/** Against its first parent, or nothing. */
async function openCommitAlone(session: Session, word: string): Promise<OpenedSides> {
  const repository = await openRepository(session);
  const commit = await commitOf(repository, word);
  const { parents } = await repository.history.readCommit(commit);
  return { repository, before: { kind: "commit", commit: parents[0] }, after: { kind: "commit", commit } };
}

/** A commit, or the one that a live tree stands on. */
async function commitOfSide(repository: Repository, side: AnySide): Promise<CommitId | undefined> {
  if (side.kind === "commit") return side.commit;
  return side.kind === "live" ? (await headOf(repository, side.target)).commit : undefined;
}

/** Whether a word is a path by its form, or stdin, and no tracked directory. */
function isOutsideWord(word: string): boolean {
  return word === "-" || (isPathWord(word) && !isTracked(word));
}

function isPathWord(word: string): boolean {
  return /^(\.{0,2}\/|\.{1,2}$)/.test(word);
}

function isTracked(word: string): boolean {
  return trackedStore(path.resolve(word))?.tracked === path.resolve(word);
}

/** A tracked directory that is named brings its store with it, when none is named. */
function trackedFor(session: Session, words: readonly string[]): Session {
  const place = session.store === undefined ? words.find((word) => isPathWord(word) && isTracked(word)) : undefined;
  return place === undefined ? session : { ...session, store: trackedStore(path.resolve(place))?.store };
}

async function sideOf(repository: Repository, word: string): Promise<AnySide> {
  if (word === "-") return { kind: "outside", source: await openSource(word) };
  if (isPathWord(word)) {
    const isOwn = repository.worktree !== undefined && path.resolve(word) === repository.worktree.path;
    return isOwn
      ? { kind: "live", target: findTarget(repository, undefined) }
      : { kind: "outside", source: await openSource(word) };
  }
  try {
    return await parseSide(repository, word);
  } catch (error) {
    const isMiss = error instanceof VarveError && error.code === "REVISION_UNKNOWN";
    if (!isMiss || word === "" || (!existsSync(word) && layoutOf(word) === undefined)) throw error;
    return { kind: "outside", source: await openSource(word) };
  }
}

async function openSource(word: string): Promise<OutsideSource> {
  const layout = word === "-" ? undefined : layoutOf(word);
  return layout ?? openImportSource(word, "compare");
}

/** `DIR` or `DIR:NAME`, when DIR is an OCI layout. */
function layoutOf(word: string): OutsideSource | undefined {
  if (isLayout(word)) return { kind: "layout", path: path.resolve(word), image: undefined };
  // A digest has a colon, too.
  for (let colon = word.indexOf(":"); colon > 0; colon = word.indexOf(":", colon + 1)) {
    const directory = word.slice(0, colon);
    if (isLayout(directory)) return { kind: "layout", path: path.resolve(directory), image: word.slice(colon + 1) };
  }
  return undefined;
}

function isLayout(directory: string): boolean {
  try {
    return statSync(path.join(directory, "oci-layout")).isFile() && existsSync(path.join(directory, "index.json"));
  } catch {
    return false;
  }
}
