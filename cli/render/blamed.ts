import type { Blame, BlamedPath } from "../../core/operations/history/blame.js";
import type { BlamedLines } from "../../core/operations/history/blame-file.js";
import { isUtf8, textOf, type ByteString } from "../../core/model/byte-string.js";
import type { Commit } from "../../core/model/commit.js";
import { printableLine, printableName, printablePath } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { subject } from "./commit-text.js";
import { jsonName, jsonPath, shortId } from "./names.js";
import { isoTime, readableTime } from "./timestamps.js";

function* eachLine({ lines, blamed }: Extract<Blame, { kind: "lines" }>): Generator<readonly [number, BlamedLines, ByteString]> {
  for (const run of blamed) {
    for (let line = run.start; line < run.start + run.count; line += 1) yield [line, run, lines[line]!];
  }
}

/** Each line, and the commit that brought it. */
export function printBlamedLines({ paint, print }: Terminal, found: Extract<Blame, { kind: "lines" }>): void {
  const who = authorsOf(found.blamed);
  const digits = String(found.lines.length).length;
  const isMoved = new Set(found.blamed.map(({ path }) => path)).size > 1;
  let text = "";
  for (const [line, { commit, path }, content] of eachLine(found)) {
    const name = isMoved ? ` ${printablePath(path)}` : "";
    const words = `(${who(commit)} ${timeOf(commit)} ${String(line + 1).padStart(digits)})`;
    text += `${paint("yellow", idOf(commit))}${name} ${paint("dim", words)} ${shownText(content)}\n`;
    if (text.length > PIECE) {
      print(text);
      text = "";
    }
  }
  print(text);
}

/** As git writes it. */
const NOT_COMMITTED = "Not Committed Yet";
const NO_ID = "0000000000";

/** Names, all of one width. */
function authorsOf(blamed: readonly { readonly commit: Commit | undefined }[]): (commit: Commit | undefined) => string {
  const nameOf = (commit: Commit | undefined): string =>
    commit === undefined ? NOT_COMMITTED : printableLine(commit.author.name);
  const names = new Map(blamed.map(({ commit }) => [commit?.id, nameOf(commit)]));
  const width = [...names.values()].reduce((widest, { length }) => Math.max(widest, length), 0);
  return (commit) => (names.get(commit?.id) ?? "").padEnd(width);
}

function idOf(commit: Commit | undefined): string {
  return commit === undefined ? NO_ID : shortId(commit.id);
}

/** What is not committed has no time, but its place. */
function timeOf(commit: Commit | undefined): string {
  return commit === undefined ? " ".repeat(TIME_WIDTH) : readableTime(commit.author);
}

const TIME_WIDTH = "2001-02-03 06:05:06 +0200".length;

/** Characters that are gathered before they are written. */
const PIECE = 64 * 1024;

function withoutEnd(content: ByteString): ByteString {
  return (content.endsWith("\n") ? content.slice(0, -1) : content) as ByteString;
}

/** Tabs stand; what a terminal would act upon does not. */
function shownText(content: ByteString): string {
  const text = withoutEnd(content);
  return text
    .split("\t")
    .map((part) => printableLine(textOf(part as ByteString)))
    .join("\t");
}

/** Each path, and the commit that last changed it. @param place What was asked for. */
export function printBlamedPaths({ paint, print }: Terminal, paths: readonly BlamedPath[], place: ByteString): void {
  const who = authorsOf(paths);
  for (const { path, type, commit } of paths) {
    const slash = type === "directory" ? "/" : "";
    const name = `${printableName(nameBelow(place, path))}${slash}`;
    const about = commit === undefined ? "" : `  ${paint("dim", subject(commit))}`;
    print(`${paint("yellow", idOf(commit))}  ${who(commit)}  ${timeOf(commit)}  ${name}${about}\n`);
  }
}

/** Relative to what was asked for; what is no directory shows its own name. */
function nameBelow(place: ByteString, path: ByteString): ByteString {
  if (place !== "" && path.startsWith(`${place}/`)) return path.slice(place.length + 1) as ByteString;
  return place === path ? (path.slice(path.lastIndexOf("/") + 1) as ByteString) : path;
}

/** As docs/json.md tells. */
export function* blameJson(found: Blame): Generator<Record<string, unknown>> {
  if (found.kind === "paths") {
    for (const { path, type, commit } of found.paths) yield { ...jsonPath("path", path), type, ...commitFacts(commit) };
    return;
  }
  for (const [line, { commit, path, start, originalStart }, content] of eachLine(found)) {
    const original = originalStart + line - start + 1;
    yield { line: line + 1, ...jsonPath("path", path), originalLine: original, ...commitFacts(commit), ...lineJson(content) };
  }
}

function commitFacts(commit: Commit | undefined): Record<string, unknown> {
  if (commit === undefined) return { commit: null, author: null, time: null, subject: null };
  const { id, author, message } = commit;
  return {
    commit: id,
    author: { name: author.name, email: author.email },
    time: isoTime(author),
    subject: message.split("\n")[0] ?? "",
  };
}

function lineJson(content: ByteString): Record<string, unknown> {
  const text = withoutEnd(content);
  return isUtf8(text) ? { text: textOf(text) } : jsonName("text", text);
}
