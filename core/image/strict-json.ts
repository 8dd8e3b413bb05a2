/** Documents of images have some ten levels. */
const DEEPEST = 100;
const STRING = /"(?:[^"\\]|\\.)*"/y;

/**
 * JSON of images, of which two readers must not take different values: a key that stands twice in an object is refused, and so are bytes that are no UTF-8,
 * a byte order mark, and nesting that no document has, before it is read.
 *
 * @throws SyntaxError, with what is wrong as text that follows "which".
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SyntaxError("is no UTF-8");
  }
  requireOnceEach(text);
  return JSON.parse(text) as unknown;
}

/** Of text that is no JSON it may say anything, or nothing. */
function requireOnceEach(text: string): void {
  // Of an object the keys that were seen, of a list nothing.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : undefined);
      if (open.length > DEEPEST) throw new SyntaxError(`is nested more than ${DEEPEST} deep`);
    } else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      STRING.lastIndex = at;
      const [string] = STRING.exec(text) ?? [];
      if (string === undefined) return;
      at += string.length - 1;
      if (isBeforeColon(text, at + 1)) noteKey(open.at(-1), string);
    }
  }
}

function isBeforeColon(text: string, from: number): boolean {
  let at = from;
  while (" \t\n\r".includes(text[at] ?? "x")) at += 1;
  return text[at] === ":";
}

function noteKey(keys: Set<string> | undefined, string: string): void {
  if (keys === undefined) return;
  const key = JSON.parse(string) as string;
  if (keys.has(key)) throw new SyntaxError(`has the key ${JSON.stringify(key.slice(0, 60))} twice in one object`);
  keys.add(key);
}
