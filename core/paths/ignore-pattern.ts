import { VarveError } from "../errors.js";
import { textOf, type ByteString } from "../model/byte-string.js";
import { parseByteClass } from "./byte-class.js";
import { ANY_BYTE, ANY_RUN, NamePattern, type NameToken } from "./name-pattern.js";

/** Longer than any path that a system call takes. */
const LONGEST_PATTERN = 4096;
const ANY_PATH = "**";

type Segment = NamePattern | typeof ANY_PATH;

/** One line of a `.varveignore`, with the meaning that a line of `.gitignore` has. */
export class IgnorePattern {
  /** `!`: what it matches is not ignored after all. */
  readonly isNegated: boolean;
  readonly #directoriesOnly: boolean;
  /** Whether it names a place; else a name, at any depth. */
  readonly #isAnchored: boolean;
  readonly #segments: readonly Segment[];

  constructor(segments: readonly Segment[], isNegated: boolean, directoriesOnly: boolean, isAnchored: boolean) {
    this.isNegated = isNegated;
    this.#segments = segments;
    this.#directoriesOnly = directoriesOnly;
    this.#isAnchored = isAnchored;
  }

  /**
   * @param path From the directory that the pattern stands in.
   * @param name Its last name.
   */
  matches(path: ByteString, name: ByteString, isDirectory: boolean): boolean {
    if (this.#directoriesOnly && !isDirectory) return false;
    if (this.#isAnchored) return matchPath(this.#segments, path.split("/") as ByteString[]);
    const [segment] = this.#segments;
    return segment === ANY_PATH || segment!.matches(name);
  }
}

/**
 * The patterns of a file's lines, in order. Comments, empty lines and patterns that can match nothing are left out.
 *
 * @throws VarveError UNSUPPORTED for a line of more than 4,096 bytes.
 */
export function parseIgnoreFile(content: ByteString): IgnorePattern[] {
  const lines = (content.startsWith(BYTE_ORDER_MARK) ? content.slice(BYTE_ORDER_MARK.length) : content).split("\n");
  return lines.flatMap((line) => {
    // As git: a CR that ends a line is none of the pattern, also where the last line lacks its end.
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    return text.startsWith("#") ? [] : (parseIgnorePattern(text as ByteString) ?? []);
  });
}

const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/** @returns `undefined` when it is empty or can match nothing. @throws VarveError UNSUPPORTED. */
export function parseIgnorePattern(line: ByteString): IgnorePattern | undefined {
  if (line.length > LONGEST_PATTERN) {
    throw new VarveError("UNSUPPORTED", `Cannot read an ignore pattern: it has ${line.length} bytes, wanted at most 4096`, {
      path: `${textOf(line.slice(0, 40) as ByteString)}…`,
      hint: "Split it into several patterns, one a line.",
    });
  }
  let text = withoutTrailingSpaces(line);
  const isNegated = text.startsWith("!");
  if (isNegated) text = text.slice(1);
  const directoriesOnly = text.endsWith("/");
  if (directoriesOnly) text = text.slice(0, -1);
  const isAnchored = text.includes("/");
  if (text.startsWith("/")) text = text.slice(1);
  const segments = text === "" ? undefined : parseSegments(text);
  return segments && new IgnorePattern(segments, isNegated, directoriesOnly, isAnchored);
}

/** A backslash keeps the space after it. */
function withoutTrailingSpaces(line: string): string {
  let end = 0;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === "\\") end = Math.min(++at + 1, line.length);
    else if (line[at] !== " ") end = at + 1;
  }
  return line.slice(0, end);
}

function parseSegments(text: string): Segment[] | undefined {
  const segments: Segment[] = [];
  let tokens: NameToken[] = [];
  let start = 0;
  const finish = (end: number): void => {
    segments.push(text.slice(start, end) === ANY_PATH ? ANY_PATH : new NamePattern(tokens));
    tokens = [];
    start = end + 1;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "/") finish(at);
    else if (character === "*") {
      if (tokens.at(-1) !== ANY_RUN) tokens.push(ANY_RUN);
    } else if (character === "?") tokens.push(ANY_BYTE);
    else if (character === "[") {
      const found = parseByteClass(text, at);
      if (found === undefined) return undefined;
      tokens.push(found.bytes);
      at = found.end - 1;
    } else {
      if (character === "\\") at++;
      if (at === text.length) return undefined;
      tokens.push(text.charCodeAt(at));
    }
  }
  finish(text.length);
  return segments;
}

/** `**` stands for any number of names; at the end for one or more. Goes back to the last `**` alone, as `NamePattern` does. */
function matchPath(segments: readonly Segment[], names: readonly ByteString[]): boolean {
  let segment = 0;
  let at = 0;
  let lastAny = -1;
  let anyEnd = 0;
  while (at < names.length) {
    const wanted = segments[segment];
    if (wanted === ANY_PATH) {
      if (segment === segments.length - 1) return true;
      lastAny = segment++;
      anyEnd = at;
    } else if (wanted?.matches(names[at]!)) {
      segment++;
      at++;
    } else if (lastAny >= 0) {
      segment = lastAny + 1;
      at = ++anyEnd;
    } else return false;
  }
  return segment === segments.length;
}
