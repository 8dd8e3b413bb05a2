import { bufferOf, type ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId } from "../../model/ids.js";
import { changedLines } from "../../text/line-diff.js";
import { isText, splitLines } from "../../text/text-lines.js";
import { clippedRanges, type LineRange } from "../../text/line-ranges.js";
import type { FileVersion, FileVersions } from "./file-versions.js";

/** Lines that one commit brought: from where they stand now on. Counted from 0. */
export interface BlamedLines {
  /** `undefined` for lines that are not committed yet. */
  readonly commit: Commit | undefined;
  /** Of the file in that commit. */
  readonly path: ByteString;
  readonly start: number;
  readonly count: number;
  /** Where they stood in that commit. */
  readonly originalStart: number;
}

export interface BlamedFile {
  readonly lines: readonly ByteString[];
  /** In order of `start`; without gaps, but where some lines alone are asked for. */
  readonly blamed: readonly BlamedLines[];
}

/** A file as it is in a live tree. */
export interface LiveFile {
  readonly path: ByteString;
  readonly content: ByteString;
}

/** A text of more is not looked into: lines take several times its memory. */
export const LARGEST_TEXT_BYTES: number = 2 ** 26;
/** Versions whose lines are kept: the one that is looked at and those of its parents. */
const KEPT_TEXTS = 4;

/** Lines of a version for which no commit was found yet. */
interface Segment {
  readonly start: number;
  readonly count: number;
  /** In the version. */
  readonly at: number;
}

/**
 * Which commit brought each line of a file, as `git blame` tells it: lines that are in a parent's file, too, are that one's. A file that a commit moved
 * is followed to where it was.
 *
 * @param ranges The lines that are asked for; all when there is none.
 * @returns `undefined` for what is no text, or of more than 64 MiB.
 * @throws VarveError USAGE for a range behind the last line.
 */
export async function blameFile(
  versions: FileVersions,
  newest: FileVersion,
  ranges: readonly LineRange[] = [],
): Promise<BlamedFile | undefined> {
  const texts = new Texts(versions);
  const lines = await texts.lines(newest);
  if (lines === undefined) return undefined;
  return { lines, blamed: inOrder(await follow(versions, texts, newest, segmentsOf(ranges, lines.length))) };
}

/** The same for a file that may have lines which are not committed yet. @param committed What it was made from, when a commit has that. */
export async function blameLiveFile(
  versions: FileVersions,
  { path, content }: LiveFile,
  committed: FileVersion | undefined,
  ranges: readonly LineRange[] = [],
): Promise<BlamedFile | undefined> {
  const lines = linesOf(content);
  if (lines === undefined) return undefined;
  const texts = new Texts(versions);
  const before = (committed && (await texts.lines(committed))) ?? [];
  const { common, rest } = splitSegments(segmentsOf(ranges, lines.length), await equalRuns(before, lines));
  const own = rest.map(({ start, count, at }) => ({ commit: undefined, path, start, count, originalStart: at }));
  const older = committed === undefined ? [] : await follow(versions, texts, committed, common);
  return { lines, blamed: inOrder([...own, ...older]) };
}

function segmentsOf(ranges: readonly LineRange[], lines: number): readonly Segment[] {
  return clippedRanges(ranges, lines).map(({ start, end }) => ({ start, count: end - start, at: start }));
}

function inOrder(blamed: readonly BlamedLines[]): readonly BlamedLines[] {
  return blamed.filter(({ count }) => count > 0).sort((a, b) => a.start - b.start);
}

/** Where lines of a version come from. */
async function follow(
  versions: FileVersions,
  texts: Texts,
  newest: FileVersion,
  segments: readonly Segment[],
): Promise<readonly BlamedLines[]> {
  const pending = new PendingSegments();
  pending.add(newest, segments);
  const blamed: BlamedLines[] = [];
  for (let next = pending.take(); next !== undefined; next = pending.take()) {
    const { version } = next;
    const left = await passOn(versions, texts, pending, next);
    for (const { start, count, at } of left) {
      blamed.push({ commit: version.commit, path: version.path, start, count, originalStart: at });
    }
  }
  return blamed;
}

interface Pending {
  readonly version: FileVersion;
  readonly segments: readonly Segment[];
}

/** Gives lines to the parents that have them. @returns Those that no parent has. */
async function passOn(
  versions: FileVersions,
  texts: Texts,
  pending: PendingSegments,
  { version, segments }: Pending,
): Promise<readonly Segment[]> {
  const { commit, path, digest } = version;
  const found = new Map<CommitId, FileVersion | undefined>();
  for (const parent of commit.parents) found.set(parent, await versions.find(parent, path));
  for (const [parent, same] of found) {
    if (same === undefined && ![...found.values()].some((other) => other?.digest === digest))
      found.set(parent, await renamedVersion(versions, version, parent));
  }
  const parents = [...found.values()].filter((parent) => parent !== undefined);
  const equal = parents.find((parent) => parent.digest === digest);
  if (equal !== undefined) {
    pending.add(equal, segments);
    return [];
  }
  let left = segments;
  for (const parent of parents) {
    const [before, after] = [await texts.lines(parent), await texts.lines(version)];
    if (before === undefined || after === undefined) continue;
    const { common, rest } = splitSegments(left, await equalRuns(before, after));
    pending.add(parent, common);
    left = rest;
  }
  return left;
}

async function renamedVersion(
  versions: FileVersions,
  { commit, path }: FileVersion,
  parent: CommitId,
): Promise<FileVersion | undefined> {
  const from = await versions.renamedFrom(commit, parent, path);
  return from === undefined ? undefined : versions.find(parent, from);
}

/** Lines that are equal on both sides. */
interface EqualRun {
  readonly before: number;
  readonly after: number;
  readonly count: number;
}

async function equalRuns(before: readonly ByteString[], after: readonly ByteString[]): Promise<EqualRun[]> {
  const runs: EqualRun[] = [];
  let [old, now] = [0, 0];
  for (const change of await changedLines(before, after)) {
    if (change.afterStart > now) runs.push({ before: old, after: now, count: change.afterStart - now });
    [old, now] = [change.beforeEnd, change.afterEnd];
  }
  if (after.length > now) runs.push({ before: old, after: now, count: after.length - now });
  return runs;
}

/** Both lists are in order, and neither overlaps itself. */
function splitSegments(
  segments: readonly Segment[],
  runs: readonly EqualRun[],
): { readonly common: Segment[]; readonly rest: Segment[] } {
  const common: Segment[] = [];
  const rest: Segment[] = [];
  const ordered = [...segments].sort((a, b) => a.at - b.at);
  let run = 0;
  for (const { start, count, at } of ordered) {
    let done = at;
    const end = at + count;
    while (run < runs.length && runs[run]!.after + runs[run]!.count <= at) run += 1;
    for (let next = run; next < runs.length && runs[next]!.after < end; next += 1) {
      const { before, after, count: length } = runs[next]!;
      const [from, to] = [Math.max(after, at), Math.min(after + length, end)];
      if (from > done) rest.push({ start: start + done - at, count: from - done, at: done });
      common.push({ start: start + from - at, count: to - from, at: before + from - after });
      done = to;
    }
    if (done < end) rest.push({ start: start + done - at, count: end - done, at: done });
  }
  return { common, rest };
}

/** What is looked for, by version: the newest commit first, so that what two branches lead to is looked at once, as a rule. */
class PendingSegments {
  readonly #pending = new Map<string, { readonly version: FileVersion; readonly segments: Segment[] }>();

  add(version: FileVersion, segments: readonly Segment[]): void {
    if (segments.length === 0) return;
    const key = `${version.commit.id}/${version.path}`;
    const known = this.#pending.get(key);
    if (known === undefined) this.#pending.set(key, { version, segments: [...segments] });
    else for (const segment of segments) known.segments.push(segment);
  }

  take(): Pending | undefined {
    let newest: [string, Pending] | undefined;
    for (const entry of this.#pending) {
      if (newest === undefined || timeOf(entry[1]) > timeOf(newest[1])) newest = entry;
    }
    if (newest !== undefined) this.#pending.delete(newest[0]);
    return newest?.[1];
  }
}

function timeOf({ version }: Pending): number {
  return version.commit.committer.seconds;
}

/** The lines of the versions used last. */
class Texts {
  readonly #versions: FileVersions;
  readonly #texts = new Map<string, readonly ByteString[] | undefined>();

  constructor(versions: FileVersions) {
    this.#versions = versions;
  }

  async lines(version: FileVersion): Promise<readonly ByteString[] | undefined> {
    if (this.#texts.has(version.digest)) return this.#texts.get(version.digest);
    const lines = version.size > LARGEST_TEXT_BYTES ? undefined : linesOf(await this.#versions.read(version));
    for (const [oldest] of this.#texts) if (this.#texts.size >= KEPT_TEXTS) this.#texts.delete(oldest);
    this.#texts.set(version.digest, lines);
    return lines;
  }
}

function linesOf(content: ByteString): readonly ByteString[] | undefined {
  return isText(bufferOf(content.slice(0, 8000) as ByteString)) ? splitLines(content) : undefined;
}
