import path from "node:path";
import { VarveError } from "../core/errors.js";
import type { ByteString } from "../core/model/byte-string.js";
import { isBelowAny, normalizePath } from "../core/model/paths.js";
import { ALL_PATHS, type PathSelection, selectPlaces } from "../core/paths/path-selection.js";
import type { AnySide } from "../core/operations/sides.js";
import type { Target } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import { costOf } from "./costly-pattern.js";
import { bytesOfWord, wordOfBytes } from "./process-arguments.js";

/** What makes a word a pattern in fast-glob's syntax; after a backslash it is itself. */
const GLOB = /[*?[\]{}\\]|[!@+]\(|^!/;
const LONGEST_PATTERN = 4096;

/** For the help of commands that take paths. */
export const FROM_WHERE =
  "Within a tracked directory PATH counts from where you stand, in containers and other stores from the root; so does one with a slash in front.";

export interface WordSelection extends PathSelection {
  /** Patterns that matched nothing of what was asked for so far: after a whole walk, nothing at all. */
  readonly unmatched: () => readonly string[];
}

/**
 * What the words after `--` select: paths with all that stands below them, and patterns in the syntax of fast-glob, of which picomatch is the
 * matcher. A word that begins with `!` takes away what it matches. Absolute paths are the tree's. Others too, but within the
 * tracked directory they start where one stands, as in git; not so when they are about a container, whose root one does not stand in.
 *
 * @param about Whose paths they are, beside commits of the store.
 * @throws VarveError USAGE.
 */
export async function selectionOf(
  words: readonly string[] | undefined,
  repository: Pick<Repository, "worktree">,
  about: readonly (AnySide | Target)[] = [],
): Promise<WordSelection> {
  if (words === undefined || words.length === 0) return { ...ALL_PATHS, unmatched: () => [] };
  const prefix = about.some(isContainer) ? "" : prefixOf(repository);
  const places = (some: readonly string[]): readonly ByteString[] => some.map((word) => placeOf(word, prefix));
  if (!words.some((word) => GLOB.test(word))) return { ...selectPlaces(places(words)), unmatched: () => [] };
  const chosen = words.filter((word) => !isTakenAway(word));
  const wanted = await matcherOf(chosen, prefix);
  const unwanted = await matcherOf(
    words.filter(isTakenAway).map((word) => word.slice(1)),
    prefix,
  );
  return {
    places: undefined,
    named: places(chosen.filter((word) => !GLOB.test(word))),
    has: (each) => (chosen.length === 0 || wanted.has(each)) && !unwanted.has(each),
    unmatched: wanted.unmatched,
  };
}

/** The path that one word names. @throws VarveError USAGE. */
export function placeOfWord(word: string, repository: Repository, about: readonly (AnySide | Target)[] = []): ByteString {
  return placeOf(word, about.some(isContainer) ? "" : prefixOf(repository));
}

/**
 * Whether a path itself is what one of some patterns looks for. One without a slash is looked for in every directory.
 * @throws VarveError USAGE.
 */
export async function nameMatcherOf(
  words: readonly string[],
  repository: Repository,
  about: readonly (AnySide | Target)[] = [],
): Promise<(path: ByteString) => boolean> {
  const prefix = about.some(isContainer) ? "" : prefixOf(repository);
  const { default: picomatch } = await import("picomatch");
  const tests = words.map((word) => {
    placeOf(word, prefix);
    const isName = !word.includes("/");
    const matches = picomatch(patternOf(word, isName ? "" : prefix), { dot: true, nonegate: true, maxLength: LONGEST_PATTERN });
    return (path: string): boolean => matches(isName ? path.slice(path.lastIndexOf("/") + 1) : path);
  });
  return (path) => {
    const text = wordOfBytes(path);
    return tests.some((test) => test(text));
  };
}

/** Whether a word may match more than one path. */
export function isPattern(word: string): boolean {
  return GLOB.test(word);
}

/** Whether it takes away what it matches from what other words select. */
export function isTakenAway(word: string): boolean {
  return word.startsWith("!") && word[1] !== "(";
}

function isContainer(about: AnySide | Target): boolean {
  return about.kind === "live" ? isContainer(about.target) : about.kind === "container";
}

/** The words before paths that start where one stands. */
function prefixOf({ worktree }: Pick<Repository, "worktree">): string {
  const below = worktree === undefined ? ".." : path.relative(worktree.path, process.cwd());
  return below === "" || below.startsWith("..") ? "" : `${below}/`;
}

/** @throws VarveError USAGE for no path, as of a variable that is not set, and for one that leads out of the tree: it would select all of it. */
function placeOf(word: string, prefix: string): ByteString {
  if (word === "")
    throw new VarveError("USAGE", 'Cannot read a path: it is empty, wanted one such as "etc/hosts", or "." for all');
  const whole = word.startsWith("/") ? word : prefix + word;
  let depth = 0;
  for (const name of whole.split("/")) {
    if (name === "..") depth -= 1;
    else if (name !== "" && name !== ".") depth += 1;
    if (depth < 0) throw new VarveError("USAGE", `Cannot read the path "${word}": it leads out of the tree`);
  }
  return normalizePath(bytesOfWord(whole));
}

interface Matcher {
  readonly has: (path: ByteString) => boolean;
  readonly unmatched: () => readonly string[];
}

/** A path matches with what it names, literally or as a pattern, or with a directory above it that does. */
async function matcherOf(words: readonly string[], prefix: string): Promise<Matcher> {
  const places = words.filter((word) => !GLOB.test(word)).map((word) => placeOf(word, prefix));
  const { default: picomatch } = await import("picomatch");
  const patterns = words
    .filter((word) => GLOB.test(word))
    .map((word) => {
      const matches = picomatch(patternOf(word, prefix), { dot: true, nonegate: true, maxLength: LONGEST_PATTERN });
      return { word, place: placeOf(word, prefix), matches, isUsed: false };
    });
  const isMatch = (pattern: (typeof patterns)[number], each: ByteString, above: readonly string[]): boolean => {
    const found = isBelowAny(each, [pattern.place]) || above.some((text) => pattern.matches(text));
    pattern.isUsed ||= found;
    return found;
  };
  const has = (each: ByteString): boolean => {
    const above = pathsAbove(wordOfBytes(each));
    let found = places.length > 0 && isBelowAny(each, places);
    // Once a path is selected, only patterns that have matched nothing yet are worth a look.
    for (const pattern of patterns) if (!found || !pattern.isUsed) found = isMatch(pattern, each, above) || found;
    return found;
  };
  return { has, unmatched: () => patterns.flatMap(({ word, isUsed }) => (isUsed ? [] : [word])) };
}

function patternOf(word: string, prefix: string): string {
  const escaped = prefix.replaceAll(/[\\*?[\]{}()!@+]/g, "\\$&");
  const pattern = (word.startsWith("/") ? word : escaped + word).replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
  if (pattern.length > LONGEST_PATTERN)
    throw new VarveError("USAGE", `Cannot read a path pattern: it has ${pattern.length} characters, wanted at most 4096`);
  const cost = costOf(pattern);
  if (cost === undefined) return pattern;
  throw new VarveError("USAGE", `Cannot read the path pattern "${word}": ${cost}`, {
    hint: "Give several patterns, or one that selects more.",
  });
}

/** `a/b/c`: itself, `a/b` and `a`. */
function pathsAbove(text: string): readonly string[] {
  const found = [text];
  for (let end = text.lastIndexOf("/"); end > 0; end = text.lastIndexOf("/", end - 1)) found.push(text.slice(0, end));
  return found;
}
