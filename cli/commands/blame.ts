import { VarveError } from "../../core/errors.js";
import { blame, type Blame, type BlamedPath } from "../../core/operations/history/blame.js";
import type { BlamedLines } from "../../core/operations/history/blame-file.js";
import { headOf } from "../../core/operations/targets.js";
import { isUtf8, textOf, type ByteString } from "../../core/model/byte-string.js";
import type { Commit } from "../../core/model/commit.js";
import type { CommitId } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { FROM_WHERE, placeOfWord } from "../path-words.js";
import { printableLine, printableName, printablePath } from "../printable.js";
import { printJsonArray } from "../render/json-array.js";
import { jsonName, jsonPath, shortId } from "../render/names.js";
import { isoTime, readableTime } from "../render/timestamps.js";
import { subject } from "../render/commit-text.js";
import { commitOf, splitSidePath } from "../revision-words.js";
import type { Terminal } from "../terminal.js";

const options = {
  recursive: { type: "boolean", alias: "r", describe: "Of a directory, show all that stands below it" },
} as const;

export const blameCommand: Command = command(
  {
    name: "blame",
    form: "PATH | REV:PATH | REV PATH",
    summary: "Show which commit last changed each path, or each line of a text",
    description: `Of a directory: each path in it, and the commit that last changed the path or something below it. Of a text file: each line, and the
commit that brought it; a file that was moved is followed. Of any other file: one row. REV is a revision or a container
(default: HEAD). ${FROM_WHERE} What is not committed is not looked at.`,
    words: [
      { name: "REV", required: false },
      { name: "PATH", required: false },
    ],
    rest: "paths",
    options,
    paged: true,
    examples: [
      ["varve blame /etc", "who changed what in a directory"],
      ["varve blame v1:/etc/passwd", "who brought each line, as of v1"],
      ["varve blame -r web -- /srv", "all below a directory of a container"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["22", "no such path in that commit"],
    ],
  },
  async ({ words, rest, options: { recursive }, session }) => {
    const { repository, commit, path } = await placeOf(session, words, rest ?? []);
    const found = await blame(repository, commit, path, { recursive });
    if (session.json) return printJsonArray(session.terminal, blameJson(found));
    if (found.kind === "lines") printLines(session.terminal, found);
    else printPaths(session.terminal, found.paths, path);
  },
);

interface BlamedPlace {
  readonly repository: Repository;
  readonly commit: CommitId;
  readonly path: ByteString;
}

/** @throws VarveError USAGE. */
async function placeOf(session: Session, words: readonly string[], rest: readonly string[]): Promise<BlamedPlace> {
  const [first = "", ...others] = [...words, ...rest];
  if (words.length + rest.length === 1 && rest.length === 0 && first.includes(":")) {
    const repository = await openRepository(session);
    const { side, path } = await splitSidePath(repository, first);
    return { repository, commit: await commitOf(repository, side), path };
  }
  const [revision, path] = others.length === 0 ? [undefined, first] : [first, others[0] ?? ""];
  if (others.length > 1 || rest.length > 1 || path === "") {
    const state = path === "" ? "PATH is missing" : `"${others.at(-1) ?? ""}" is one word too many`;
    throw new VarveError("USAGE", `Cannot run varve blame: ${state}`, {
      hint: "The form is: varve blame PATH, varve blame REV:PATH or varve blame REV -- PATH",
    });
  }
  const found = revision === undefined ? undefined : await findWordTarget(session, revision);
  if (found !== undefined) {
    const { repository, target } = found;
    const { branch } = await headOf(repository, target);
    return { repository, commit: await commitOf(repository, "HEAD", branch), path: placeOfWord(path, repository, [target]) };
  }
  const repository = await openRepository(session);
  return { repository, commit: await commitOf(repository, revision ?? "HEAD"), path: placeOfWord(path, repository) };
}

function* eachLine({ lines, blamed }: Extract<Blame, { kind: "lines" }>): Generator<readonly [number, BlamedLines, ByteString]> {
  for (const run of blamed) {
    for (let line = run.start; line < run.start + run.count; line += 1) yield [line, run, lines[line]!];
  }
}

function printLines({ paint, print }: Terminal, found: Extract<Blame, { kind: "lines" }>): void {
  const authors = new Map(found.blamed.map(({ commit }) => [commit.id, printableLine(commit.author.name)]));
  const width = Math.max(0, ...[...authors.values()].map(({ length }) => length));
  const digits = String(found.lines.length).length;
  const isMoved = new Set(found.blamed.map(({ path }) => path)).size > 1;
  let text = "";
  for (const [line, { commit, path }, content] of eachLine(found)) {
    const name = isMoved ? ` ${printablePath(path)}` : "";
    const who = (authors.get(commit.id) ?? "").padEnd(width);
    const words = `(${who} ${readableTime(commit.author)} ${String(line + 1).padStart(digits)})`;
    text += `${paint("yellow", shortId(commit.id))}${name} ${paint("dim", words)} ${shownText(content)}\n`;
    if (text.length > PIECE) {
      print(text);
      text = "";
    }
  }
  print(text);
}

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

function printPaths({ paint, print }: Terminal, paths: readonly BlamedPath[], place: ByteString): void {
  const authors = new Map(paths.map(({ commit }) => [commit.id, printableLine(commit.author.name)]));
  const width = [...authors.values()].reduce((widest, { length }) => Math.max(widest, length), 0);
  for (const { path, type, commit } of paths) {
    const slash = type === "directory" ? "/" : "";
    const words = `${(authors.get(commit.id) ?? "").padEnd(width)}  ${readableTime(commit.author)}`;
    const name = `${printableName(nameBelow(place, path))}${slash}`;
    print(`${paint("yellow", shortId(commit.id))}  ${words}  ${name}  ${paint("dim", subject(commit))}\n`);
  }
}

/** Relative to what was asked for; what is no directory shows its own name. */
function nameBelow(place: ByteString, path: ByteString): ByteString {
  if (place !== "" && path.startsWith(`${place}/`)) return path.slice(place.length + 1) as ByteString;
  return place === path ? (path.slice(path.lastIndexOf("/") + 1) as ByteString) : path;
}

function* blameJson(found: Blame): Generator<Record<string, unknown>> {
  if (found.kind === "paths") {
    for (const { path, type, commit } of found.paths) yield { ...jsonPath("path", path), type, ...commitFacts(commit) };
    return;
  }
  for (const [line, { commit, path, start, originalStart }, content] of eachLine(found)) {
    const original = originalStart + line - start + 1;
    yield { line: line + 1, ...jsonPath("path", path), originalLine: original, ...commitFacts(commit), ...lineJson(content) };
  }
}

function commitFacts(commit: Commit): Record<string, unknown> {
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
