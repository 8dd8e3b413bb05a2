import { isUtf8, textOf, type ByteString } from "../core/model/byte-string.js";

/**
 * What a terminal may act upon, or what hides the order of the text around it: C0 and C1 controls, DEL, line and paragraph
 * separators, and the marks that turn writing direction (Unicode UAX 9, "Explicit Directional Formatting").
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd\ud800-\udfff]/u;
const SHORT_ESCAPE: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\" };

/**
 * A name for people. One that holds anything unsafe is put in double quotes with C escapes, as git does; its bytes that are no
 * UTF-8 become `\xff`. All others stay as they are, so that a name can be copied from the screen.
 *
 * @example
 * printableName(bytesOfText("a b")); // a b
 * printableName("a\n\xff" as ByteString); // "a\n\xff"
 */
export function printableName(name: ByteString): string {
  const text = textOf(name);
  if (isUtf8(name) && !UNSAFE.test(text) && !text.startsWith('"')) return text;
  let escaped = "";
  // Latin-1 units are bytes here; a run of them that is UTF-8 and safe is shown as text.
  for (const piece of utf8Pieces(name)) {
    if (SHORT_ESCAPE[piece] !== undefined) escaped += SHORT_ESCAPE[piece];
    else escaped += UNSAFE.test(piece) ? hexEscapes(piece) : piece;
  }
  return `"${escaped}"`;
}

/** A path within a tree, for people: absolute. `""` is the root. */
export function printablePath(path: ByteString): string {
  return printableName(`/${path}` as ByteString);
}

/** Text of several lines from outside (a commit's message, an error's): controls escaped, line ends and tabs kept. */
export function printableText(text: string): string {
  let safe = "";
  for (const character of text) {
    const keep = character === "\n" || character === "\t" || character === "\ufffd" || !UNSAFE.test(character);
    safe += keep ? character : hexEscapes(character);
  }
  return safe;
}

/** Text that must stay on its line. */
export function printableLine(text: string): string {
  return printableText(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

/** Splits bytes into characters; a byte that belongs to none comes alone, as a lone surrogate U+DC80 to U+DCFF. */
function* utf8Pieces(bytes: ByteString): Generator<string> {
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    const text = length === 0 ? "\ufffd" : textOf(bytes.slice(at, at + length) as ByteString);
    if (length === 0 || text === "\ufffd" || Array.from(text).length !== 1) {
      yield String.fromCharCode(0xdc00 + bytes.charCodeAt(at));
      at += 1;
    } else {
      yield text;
      at += length;
    }
  }
}

/** @returns 0 when no UTF-8 sequence begins here. */
function sequenceLength(bytes: ByteString, at: number): number {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

function hexEscapes(character: string): string {
  const unit = character.charCodeAt(0);
  if (unit >= 0xdc80 && unit <= 0xdcff) return `\\x${(unit - 0xdc00).toString(16)}`;
  return [...Buffer.from(character, "utf8")].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/**
 * Bytes of a file's line for a terminal: what it may act upon is escaped, and so is what is no UTF-8. Tabs stay. Nothing is quoted: what it shows is
 * for reading, and not the bytes themselves.
 */
export function printableBytes(bytes: ByteString): string {
  const text = textOf(bytes);
  if (isUtf8(bytes) && !UNSAFE.test(text.replaceAll("\t", ""))) return text;
  let escaped = "";
  for (const piece of utf8Pieces(bytes)) escaped += piece === "\t" || !UNSAFE.test(piece) ? piece : hexEscapes(piece);
  return escaped;
}

/**
 * A path in a patch: in double quotes with octal escapes, as git writes them and as patch(1) reads them, where it holds quotes, backslashes, controls
 * or what a terminal may act upon.
 */
export function patchName(name: ByteString): ByteString {
  const text = textOf(name);
  if (isUtf8(name) && !UNSAFE.test(text) && !/["\\]/.test(text)) return name;
  let escaped = "";
  for (const piece of utf8Pieces(name)) {
    if (SHORT_ESCAPE[piece] !== undefined) escaped += SHORT_ESCAPE[piece];
    else escaped += UNSAFE.test(piece) ? octalEscapes(piece) : Buffer.from(piece, "utf8").toString("latin1");
  }
  return `"${escaped}"` as ByteString;
}

function octalEscapes(character: string): string {
  const unit = character.charCodeAt(0);
  const bytes = unit >= 0xdc80 && unit <= 0xdcff ? [unit - 0xdc00] : [...Buffer.from(character, "utf8")];
  return bytes.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
