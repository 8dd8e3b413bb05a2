import { VarveError } from "../errors.js";

export interface PatternOptions {
  /** `basic` and `extended` as POSIX and git have them, `fixed` for the text itself. */
  readonly syntax: "basic" | "extended" | "fixed";
  readonly ignoreCase: boolean;
}

/** Longer than any that a person writes; what is compiled grows with it. */
const LONGEST_PATTERN = 1000;
/** Repeats are written out when a pattern is compiled: `((a{99}){99}){99}` would fill the memory. */
const REFUSED = /invalid repeat|too large/i;

/**
 * Tells whether a line holds what a pattern says. Takes time in proportion to the line, whatever the pattern: RE2's automata, not backtracking.
 *
 * @param option For the message, such as `--grep`. @throws VarveError USAGE for what is no pattern.
 */
export async function compilePattern(
  option: string,
  pattern: string,
  options: PatternOptions,
): Promise<(line: string) => boolean> {
  if (pattern.length > LONGEST_PATTERN)
    throw unreadable(
      option,
      `${pattern.slice(0, 40)}…`,
      `it has ${pattern.length} characters, wanted at most ${LONGEST_PATTERN}`,
    );
  const { RE2JS } = await import("re2js");
  const text = sourceOf(pattern, options.syntax, (some) => RE2JS.quote(some));
  try {
    const compiled = RE2JS.compile(text, options.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    return (line) => compiled.test(line);
  } catch (error) {
    const why = (error as Error).message.replace(/^error parsing regexp: /, "");
    throw unreadable(option, pattern, REFUSED.test(why) ? "it repeats too much" : printable(why), options.syntax);
  }
}

function sourceOf(pattern: string, syntax: PatternOptions["syntax"], quote: (text: string) => string): string {
  if (syntax === "fixed") return quote(pattern);
  return syntax === "basic" ? extendedOf(pattern) : pattern;
}

/** RE2 shows a part of the pattern as it is. */
function printable(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}

/** In basic ones the operators `( ) { } | + ?` have a backslash, and stand for themselves without; `*` at the beginning is a star. */
function extendedOf(pattern: string): string {
  let extended = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === "[") {
      const end = endOfClass(pattern, at);
      extended += pattern.slice(at, end);
      at = end - 1;
    } else if (character === "\\" && at + 1 < pattern.length) {
      const next = pattern[++at]!;
      extended += OPERATORS.includes(next) ? next : WORD_ENDS.includes(next) ? "\\b" : `\\${next}`;
    } else if (OPERATORS.includes(character) || (character === "*" && STARTS.test(extended))) extended += `\\${character}`;
    else extended += character;
  }
  return extended;
}

const OPERATORS = "(){}|+?";
/** As GNU has them. */
const WORD_ENDS = "<>";
/** Where a star has nothing to repeat. */
const STARTS = /(^|[^\\][(|]|^[(|])\^?$/;

/** Behind the `]`, which is none as the first of the class. */
function endOfClass(pattern: string, start: number): number {
  const first = start + 1 + (pattern[start + 1] === "^" ? 1 : 0);
  let at = pattern[first] === "]" ? first + 1 : first;
  while (at < pattern.length && pattern[at] !== "]") {
    const isNamed = pattern[at] === "[" && /[:.=]/.test(pattern[at + 1] ?? "");
    const end = isNamed ? pattern.indexOf(`${pattern[at + 1]!}]`, at + 2) : -1;
    at = end === -1 ? at + 1 : end + 2;
  }
  return Math.min(at + 1, pattern.length);
}

function unreadable(option: string, pattern: string, why: string, syntax?: PatternOptions["syntax"]): VarveError {
  const kind = syntax === undefined ? undefined : `It is read as a ${syntax} regular expression; -F takes it for plain text.`;
  return new VarveError("USAGE", `Cannot read ${option} ${JSON.stringify(pattern)}: ${why}`, { hint: kind });
}
