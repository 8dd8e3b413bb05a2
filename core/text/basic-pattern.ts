/**
 * A basic regular expression, which git takes by default, as an extended one. In basic ones the operators `( ) { } | + ?` have a backslash, and stand for
 * themselves without; `*` does where it has nothing to repeat.
 */
export function extendedOf(pattern: string): string {
  let extended = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === "[") {
      const end = endOfClass(pattern, at);
      // There a backslash stands for itself.
      extended += pattern.slice(at, end).replaceAll("\\", "\\\\");
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

const SPECIAL = /[\\^$.|?*+()[\]{}]/g;

/** An expression that fits the text itself. */
export function literalOf(text: string): string {
  return text.replaceAll(SPECIAL, "\\$&");
}
