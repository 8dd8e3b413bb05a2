import type { ByteString } from "../model/byte-string.js";

/** One package that a tree has installed. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Of several packages of one name that one tree may have at once, what they differ in. */
  readonly variant?: string | undefined;
}

/** How one package manager writes down what it installed. */
export interface PackageFormat {
  readonly manager: "dpkg" | "apk" | "npm" | "pip";
  /** Whether a path is of a file that tells of packages. */
  readonly has: (path: ByteString) => boolean;
  /** Where the packages of a file are installed: those of one place and name are the same package in two versions. "" for the whole tree. */
  readonly place: (path: ByteString) => ByteString;
  /** Bytes of one such file; a larger one is not read. */
  readonly largest: number;
  /** What is no entry that can be read is passed over: the file may have been made to do harm. */
  readonly read: (content: string) => Iterable<InstalledPackage>;
}

/** A version, or a name, that a person can read on a line. */
const LONGEST_TEXT = 256;

export function isShortText(text: unknown): text is string {
  return typeof text === "string" && text !== "" && text.length <= LONGEST_TEXT;
}

/** Paragraphs of `Field: value` lines between blank ones, as Debian writes them: some fields of each, with names in lower case. */
export function* readStanzas(content: string, fields: ReadonlySet<string>): Generator<ReadonlyMap<string, string>> {
  let stanza = new Map<string, string>();
  for (let start = 0; start <= content.length;) {
    const newline = content.indexOf("\n", start);
    const end = newline === -1 ? content.length : newline;
    const line = content.slice(start, end);
    start = end + 1;
    if (line.trim() === "") {
      if (stanza.size > 0) yield stanza;
      stanza = new Map();
      continue;
    }
    const colon = line.indexOf(":");
    const field = line.slice(0, colon).toLowerCase();
    if (colon > 0 && fields.has(field) && !stanza.has(field)) stanza.set(field, line.slice(colon + 1).trim());
  }
  if (stanza.size > 0) yield stanza;
}
