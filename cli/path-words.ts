import path from "node:path";
import { VarveError } from "../core/errors.js";
import type { ByteString } from "../core/model/byte-string.js";
import { isBelowAny, normalizePath } from "../core/model/paths.js";
import { ALL_PATHS, type PathSelection, selectPlaces } from "../core/paths/path-selection.js";
import type { Repository } from "../core/ports/repository.js";
import { bytesOfWord, wordOfBytes } from "./process-arguments.js";

/** What makes a word a pattern in fast-glob's syntax; after a backslash it is itself. */
const GLOB = /[*?[\]{}\\]|[!@+]\(|^!/;
const LONGEST_PATTERN = 4096;

/**
 * What the words after `--` select: paths with all that stands below them, and patterns in the syntax of fast-glob, of which picomatch is the
 * matcher. A word that begins with `!` takes away what it matches. Absolute paths are the tree's. Others too, but within the
 * tracked directory they start where one stands, as in git.
 *
 * @throws VarveError USAGE.
 */
export async function selectionOf(words: readonly string[] | undefined, repository: Repository): Promise<PathSelection> {
  if (words === undefined || words.length === 0) return ALL_PATHS;
  const prefix = prefixOf(repository);
  if (!words.some((word) => GLOB.test(word))) return selectPlaces(words.map((word) => placeOf(word, prefix)));
  const chosen = words.filter((word) => !isTakenAway(word));
  const wanted = await matcherOf(chosen, prefix);
  const unwanted = await matcherOf(
    words.filter(isTakenAway).map((word) => word.slice(1)),
    prefix,
  );
  return { places: undefined, has: (each) => (chosen.length === 0 || wanted(each)) && !unwanted(each) };
}

function isTakenAway(word: string): boolean {
  return word.startsWith("!") && word[1] !== "(";
}

/** The words before paths that start where one stands. */
function prefixOf({ worktree }: Repository): string {
  const below = worktree === undefined ? ".." : path.relative(worktree.path, process.cwd());
  return below === "" || below.startsWith("..") ? "" : `${below}/`;
}

function placeOf(word: string, prefix: string): ByteString {
  return normalizePath(bytesOfWord(word.startsWith("/") ? word : prefix + word));
}

type Matcher = (path: ByteString) => boolean;

/** A path matches with what it names, literally or as a pattern, or with a directory above it that does. */
async function matcherOf(words: readonly string[], prefix: string): Promise<Matcher> {
  const places = words.map((word) => placeOf(word, prefix));
  const patterns = words.filter((word) => GLOB.test(word)).map((word) => patternOf(word, prefix));
  const { default: picomatch } = await import("picomatch");
  const matchers = patterns.map((pattern) => picomatch(pattern, { dot: true, nonegate: true, maxLength: LONGEST_PATTERN }));
  const isMatch = (text: string): boolean => matchers.some((matches) => matches(text));
  return (each) => (places.length > 0 && isBelowAny(each, places)) || pathsAbove(wordOfBytes(each)).some(isMatch);
}

function patternOf(word: string, prefix: string): string {
  const escaped = prefix.replaceAll(/[\\*?[\]{}()!@+]/g, "\\$&");
  const pattern = (word.startsWith("/") ? word : escaped + word).replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
  if (pattern.length <= LONGEST_PATTERN) return pattern;
  throw new VarveError("USAGE", `Cannot read a path pattern: it has ${pattern.length} characters, wanted at most 4096`);
}

/** `a/b/c`: itself, `a/b` and `a`. */
function pathsAbove(text: string): readonly string[] {
  const found = [text];
  for (let end = text.lastIndexOf("/"); end > 0; end = text.lastIndexOf("/", end - 1)) found.push(text.slice(0, end));
  return found;
}
