/** `[…]` of a pattern, read from its `[`. */
export interface ByteClass {
  /** 256 truth values. */
  readonly bytes: Uint8Array;
  /** Where what follows the `]` begins. */
  readonly end: number;
}

/** As in POSIX, for bytes below 128. */
const NAMED: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\0-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\v\f\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** @returns `undefined` when it has no end, or names a class that there is not: such a pattern matches nothing. */
export function parseByteClass(pattern: string, start: number): ByteClass | undefined {
  const bytes = new Uint8Array(256);
  let at = start + 1;
  const isNegated = pattern[at] === "!" || pattern[at] === "^";
  if (isNegated) at++;
  const first = at;
  let previous: number | undefined;
  for (; at === first || pattern[at] !== "]"; at++) {
    if (at >= pattern.length) return undefined;
    if (pattern.startsWith("[:", at)) {
      const end = pattern.indexOf(":]", at + 2);
      if (end !== -1) {
        if (!addNamed(bytes, pattern.slice(at + 2, end))) return undefined;
        at = end + 1;
        previous = undefined;
        continue;
      }
    }
    const isRange = pattern[at] === "-" && previous !== undefined && at + 1 < pattern.length && pattern[at + 1] !== "]";
    if (isRange) at++;
    if (pattern[at] === "\\") at++;
    if (at >= pattern.length) return undefined;
    const byte = pattern.charCodeAt(at);
    bytes.fill(1, isRange ? previous : byte, byte + 1);
    previous = isRange ? undefined : byte;
  }
  if (isNegated) bytes.forEach((value, index) => (bytes[index] = 1 - value));
  // No name has one; without it no class leads into another directory.
  bytes[SLASH] = 0;
  return { bytes, end: at + 1 };
}

const SLASH = 0x2f;

function addNamed(bytes: Uint8Array, name: string): boolean {
  const members = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  if (members === undefined) return false;
  for (let byte = 0; byte < 128; byte++) if (members.test(String.fromCharCode(byte))) bytes[byte] = 1;
  return true;
}
