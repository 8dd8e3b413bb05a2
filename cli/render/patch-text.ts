import { VarveError } from "../../core/errors.js";
import { bytesOfText, type ByteString } from "../../core/model/byte-string.js";
import type { Change } from "../../core/model/change.js";
import { changePatch, type ChangePatch, type FilePatch } from "../../core/patch/change-patch.js";
import type { ContentDifference } from "../../core/patch/content-difference.js";
import type { Hunk } from "../../core/patch/text-hunks.js";
import { patchName, printableBytes, printablePath } from "../printable.js";
import type { Style, Terminal } from "../terminal.js";
import { deviceText, modeText, reasonText, xattrNames } from "./change-text.js";
import { readableBytes } from "./quantities.js";

/** Characters that are gathered before they are written. */
const PIECE = 64 * 1024;
const SHORT_ID_DIGITS = 10;
const NO_NEWLINE = "\\ No newline at end of file" as ByteString;

/**
 * Prints changes as git's unified diff, which `patch -p1` and `git apply` take. What such a patch can't hold (owners, xattrs, whole modes, directories,
 * devices, binary contents) stands in lines that begin with `#`, which both pass over. Bytes are exact but on a terminal, where what it may act
 * upon is escaped.
 *
 * @param context Equal lines around what differs.
 */
export async function printPatch(terminal: Terminal, changes: readonly Change[], context: number): Promise<void> {
  const output = new PatchOutput(terminal);
  for (const change of changes) {
    const patch = await patchOrFailure(change, context);
    if (typeof patch === "string") output.line(patch as ByteString, "yellow");
    else printChange(output, patch);
  }
  output.flush();
}

/** A live file may go on changing: the others are worth seeing. */
async function patchOrFailure(change: Change, context: number): Promise<ChangePatch | string> {
  try {
    return await changePatch(change, context);
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "SOURCE_CHANGED") throw error;
    return remark(change, "it changed while it was read");
  }
}

class PatchOutput {
  readonly #terminal: Terminal;
  #text = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  line(bytes: ByteString, style?: Style): void {
    if (this.#terminal.interactive) {
      const text = printableBytes(bytes);
      this.#text += `${style === undefined ? text : this.#terminal.paint(style, text)}\n`;
    } else this.#text += `${style === undefined ? bytes : this.#terminal.paint(style, bytes)}\n`;
    if (this.#text.length >= PIECE) this.flush();
  }

  flush(): void {
    if (this.#terminal.interactive) this.#terminal.print(this.#text);
    else this.#terminal.write(Buffer.from(this.#text, "latin1"));
    this.#text = "";
  }
}

function printChange(output: PatchOutput, { change, files, told }: ChangePatch): void {
  const words = [...told.map((reason) => reasonText(reason, change)), ...(change.reasons.length === 0 ? plainWords(change) : [])];
  if (words.length > 0) output.line(remark(change, words.join(" ")), "yellow");
  for (const file of files) {
    const { content } = file;
    if (content?.kind === "binary") output.line(remark(change, binaryWords(content)), "yellow");
    if (content?.kind !== "binary" || isModeChange(file)) printFile(output, file);
  }
}

/** What begins with `#` is no part of a patch. */
function remark({ path, before, after }: Change, words: string): ByteString {
  const slash = (after ?? before)?.entry.type === "directory" && path !== "" ? "/" : "";
  return bytesOfText(`# ${printablePath(path)}${slash}: ${words}`);
}

/** What came or went with more than a patch tells of it. */
function plainWords({ status, before, after }: Change): string[] {
  const entry = (after ?? before)?.entry;
  if (entry === undefined || (status !== "A" && status !== "D")) return [];
  const isTold = entry.type === "file" || entry.type === "symlink";
  const device = deviceText(entry);
  const type = isTold ? [] : [`${entry.type}${device === "" ? "" : ` ${device}`} ${status === "A" ? "added" : "deleted"}`];
  if (status === "D") return type;
  const isPlainMode = entry.type === "symlink" || (entry.type === "file" ? [0o644, 0o755].includes(entry.mode) : false);
  return [
    ...type,
    ...(isPlainMode ? [] : [`mode ${modeText(entry.mode)}`]),
    ...(entry.uid === 0 && entry.gid === 0 ? [] : [`owner ${entry.uid}:${entry.gid}`]),
    ...(entry.xattrs.length === 0 ? [] : [`xattr ${xattrNames(entry.xattrs)}`]),
  ];
}

function binaryWords({ beforeSize, afterSize, changed }: Extract<ContentDifference, { kind: "binary" }>): string {
  if (beforeSize === undefined) return `binary file added, ${readableBytes(afterSize ?? 0)}`;
  if (afterSize === undefined) return `binary file deleted, ${readableBytes(beforeSize)}`;
  const sizes =
    beforeSize === afterSize ? readableBytes(afterSize) : `${readableBytes(beforeSize)} → ${readableBytes(afterSize)}`;
  const count =
    changed === undefined ? "" : `, ${changed.exact ? "" : "at least "}${changed.count.toLocaleString("en-US")} bytes changed`;
  return `binary files differ, ${sizes}${count}`;
}

function isModeChange({ kind, beforeMode, afterMode }: FilePatch): boolean {
  return kind === "modify" && beforeMode !== afterMode;
}

function printFile(output: PatchOutput, file: FilePatch): void {
  const content = file.content?.kind === "text" ? file.content : undefined;
  for (const line of headerLines(file, content)) output.line(line, "bold");
  if (content === undefined || content.hunks.length === 0) return;
  output.line(sideLine("---", file.kind === "add" ? undefined : prefixed("a/", file.from)), "bold");
  output.line(sideLine("+++", file.kind === "delete" ? undefined : prefixed("b/", file.path)), "bold");
  for (const hunk of content.hunks) printHunk(output, hunk);
}

function headerLines(file: FilePatch, content: Extract<ContentDifference, { kind: "text" }> | undefined): ByteString[] {
  const { kind, from, path, beforeMode = "", afterMode = "" } = file;
  const isAlone = content === undefined || content.hunks.length === 0;
  const name = isAlone ? quotedIfSpaced : (each: ByteString): ByteString => each;
  const lines = [`diff --git ${name(prefixed("a/", from))} ${name(prefixed("b/", path))}`];
  if (kind === "add") lines.push(`new file mode ${afterMode}`);
  else if (kind === "delete") lines.push(`deleted file mode ${beforeMode}`);
  else if (beforeMode !== afterMode) lines.push(`old mode ${beforeMode}`, `new mode ${afterMode}`);
  if (kind === "rename" || kind === "copy") {
    lines.push("similarity index 100%", `${kind} from ${patchName(from)}`, `${kind} to ${patchName(path)}`);
  }
  if (content !== undefined) {
    const ids = `${content.beforeId.slice(0, SHORT_ID_DIGITS)}..${content.afterId.slice(0, SHORT_ID_DIGITS)}`;
    lines.push(`index ${ids}${kind === "modify" && beforeMode === afterMode ? ` ${afterMode}` : ""}`);
  }
  return lines as ByteString[];
}

function prefixed(prefix: "a/" | "b/", path: ByteString): ByteString {
  return patchName((prefix + path) as ByteString);
}

/** Where this line alone names the file, patch(1) could not tell where a name with spaces ends. */
function quotedIfSpaced(name: ByteString): ByteString {
  return name.includes(" ") && !name.startsWith('"') ? (`"${name}"` as ByteString) : name;
}

/** As git: a tab ends a name with spaces, which patch(1) would take for a time's beginning. */
function sideLine(sign: "---" | "+++", name: ByteString | undefined): ByteString {
  if (name === undefined) return `${sign} /dev/null` as ByteString;
  return `${sign} ${name}${name.includes(" ") ? "\t" : ""}` as ByteString;
}

function printHunk(output: PatchOutput, { beforeStart, beforeCount, afterStart, afterCount, lines }: Hunk): void {
  output.line(`@@ -${range(beforeStart, beforeCount)} +${range(afterStart, afterCount)} @@` as ByteString, "cyan");
  for (const { side, line } of lines) {
    const style = side === " " ? undefined : side === "-" ? "red" : "green";
    const isWhole = line.endsWith("\n");
    output.line(`${side}${isWhole ? line.slice(0, -1) : line}` as ByteString, style);
    if (!isWhole) output.line(NO_NEWLINE);
  }
}

/** Lines count from 1; where there are none, the one before is named. */
function range(start: number, count: number): string {
  if (count === 0) return `${start},0`;
  return count === 1 ? String(start + 1) : `${start + 1},${count}`;
}
