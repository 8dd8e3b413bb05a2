import { textOf, type ByteString } from "../../model/byte-string.js";
import type { ContentDriver, Favor } from "./content-driver.js";
import { mergeRecords, type RecordFormat, type RecordVersions, type TextRecord } from "./merge-records.js";

/** dpkg's status file: one paragraph a package, fields as in a mail's header. */
export const mergeDpkgStatus: ContentDriver = (input) => mergeRecords(DPKG, input);

/** apk's list of what is installed: one paragraph a package, lines of one letter. */
export const mergeApkInstalled: ContentDriver = (input) => mergeRecords(APK, input);

const DPKG: RecordFormat = {
  end: "\n\n",
  split: (content) =>
    paragraphs(content, (text) => {
      const name = fieldOf(text, "Package");
      const architecture = fieldOf(text, "Architecture");
      // Of one package several architectures may be installed side by side.
      return name && (fieldOf(text, "Multi-Arch") === "same" && architecture ? `${name}:${architecture}` : name);
    }),
  describe,
  merge: (key, versions, favor) => {
    const { merged, conflicts } = mergeFields(versions, favor);
    return conflicts.length === 0 ? merged : { conflict: disagreement(key, versions, "Version", conflicts.join(", ")) };
  },
};

const APK: RecordFormat = {
  end: "\n\n",
  split: (content) => paragraphs(content, (text) => fieldOf(text, "P")),
  describe,
  // The order of its lines has a meaning, and letters are repeated: a paragraph is one piece.
  merge: (key, versions, favor) =>
    favor === undefined ? { conflict: disagreement(key, versions, "V", "what is installed") } : versions[favor],
};

function describe(key: string): string {
  return `package "${textOf(key as ByteString)}"`;
}

function disagreement(key: string, { ours, theirs }: RecordVersions, field: string, otherwise: string): string {
  const [own, other] = [fieldOf(ours, field), fieldOf(theirs, field)];
  if (own === undefined || other === undefined || own === other) return `${describe(key)}: both sides changed ${otherwise}`;
  return `${describe(key)}: ${textOf(own as ByteString)} (ours), ${textOf(other as ByteString)} (theirs)`;
}

/** Each with the empty lines behind it. */
function paragraphs(content: ByteString, nameOf: (text: ByteString) => string | undefined): TextRecord[] {
  const found: TextRecord[] = [];
  const seen = new Map<string, number>();
  for (let start = 0; start < content.length;) {
    const gap = content.indexOf("\n\n", start);
    let end = gap === -1 ? content.length : gap + 2;
    while (content[end] === "\n") end++;
    const text = content.slice(start, end) as ByteString;
    const name = nameOf(text) ?? text;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    found.push({ key: count === 1 ? name : `${name} (${count})`, text });
    start = end;
  }
  return found;
}

/** The value of a field of one line. */
function fieldOf(paragraph: ByteString, field: string): string | undefined {
  const start = paragraph.startsWith(`${field}:`) ? 0 : paragraph.indexOf(`\n${field}:`) + 1;
  if (start === 0 && !paragraph.startsWith(`${field}:`)) return undefined;
  const end = paragraph.indexOf("\n", start);
  return paragraph.slice(start + field.length + 1, end === -1 ? undefined : end).trim();
}

function mergeFields(
  { base, ours, theirs }: RecordVersions,
  favor: Favor | undefined,
): { readonly merged: ByteString; readonly conflicts: readonly string[] } {
  const [old, own, other] = [fieldsOf(base ?? ("" as ByteString)), fieldsOf(ours), fieldsOf(theirs)];
  const conflicts: string[] = [];
  let merged = "";
  for (const name of new Set([...own.keys(), ...other.keys()])) {
    const [before, value, theirValue] = [old.get(name), own.get(name), other.get(name)];
    const isDisputed = value !== theirValue && value !== before && theirValue !== before;
    if (isDisputed && favor === undefined) conflicts.push(name);
    const takesTheirs = isDisputed ? favor === "theirs" : value === before;
    merged += (takesTheirs ? theirValue : value) ?? "";
  }
  return { merged: `${merged}\n` as ByteString, conflicts };
}

/** By name, with name and continuation lines. */
function fieldsOf(paragraph: ByteString): Map<string, string> {
  const fields = new Map<string, string>();
  let name = "";
  for (const line of paragraph.split("\n")) {
    if (line === "") continue;
    if (!/^[ \t]/.test(line)) name = line.slice(0, Math.max(line.indexOf(":"), 0));
    fields.set(name, `${fields.get(name) ?? ""}${line}\n`);
  }
  return fields;
}
