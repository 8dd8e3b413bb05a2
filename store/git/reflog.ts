import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  ftruncateSync,
  fstatSync,
  lstatSync,
  readSync,
  readdirSync,
  rmSync,
} from "node:fs";
import path from "node:path";
import type { Signature } from "../../core/model/commit.js";
import { parseCommitId, type CommitId, type RefName } from "../../core/model/ids.js";
import type { RefMove } from "../../core/ports/history.js";
import { openRegularFile, readRegularFile } from "../../linux/regular-file.js";
import { syncDirectory, writeFully } from "../durable-file.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { makeDurableDirectory } from "./ref-lock.js";

const NO_COMMIT = "0".repeat(40);
const LINE = /^([0-9a-f]{40}) ([0-9a-f]{40}) (.*) <(.*)> (\d+) ([+-])(\d\d)(\d\d)(?:\t(.*))?$/;
const NEWLINE = 0x0a;
/** Of some million moves. */
export const LARGEST_LOG_BYTES: number = 2 ** 29;

/** Git logs these alone; tags and hidden refs have no log. */
export function hasReflog(name: string): boolean {
  return name === "HEAD" || name.startsWith("refs/heads/");
}

/** Appends one line to `logs/<name>`, durable when this returns. @see gitrepository-layout(5), "logs". */
export function appendReflog(git: string, name: string, move: RefMove): void {
  const file = path.join(git, "logs", name);
  try {
    makeDurableDirectory(path.dirname(file), git);
    const isNew = !existsSync(file);
    appendLine(file, move);
    if (isNew) syncDirectory(path.dirname(file));
  } catch (error) {
    throw systemFailure(`write the log of "${name}"`, error, file);
  }
}

function appendLine(file: string, { before, after, who, reason }: RefMove): void {
  const fd = openRegularFile(file, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o644);
  const size = fstatSync(fd).size;
  try {
    // A line that a crash tore must not swallow this one.
    const start = size > 0 && !endsWithNewline(fd, size) ? "\n" : "";
    const line = `${before ?? NO_COMMIT} ${after ?? NO_COMMIT} ${formatSignature(who)}\t${oneLine(reason)}\n`;
    writeFully(fd, Buffer.from(start + line));
    fsyncSync(fd);
  } catch (error) {
    ftruncateSync(fd, size);
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Newest first; lines that are none, such as one torn by a crash, are passed over. */
export function readReflog(git: string, name: string): RefMove[] {
  const file = path.join(git, "logs", name);
  try {
    const moves = readRegularFile(file, { largest: LARGEST_LOG_BYTES }).toString("utf8").split("\n").map(parseLine);
    return moves.filter((move) => move !== undefined).reverse();
  } catch (error) {
    // Of `a` there is none while the log of `a/b`, or its empty folder, stands.
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errnoOf(error) ?? "") || isDirectory(file)) return [];
    throw systemFailure(`read the log of "${name}"`, error, file);
  }
}

function isDirectory(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Where a branch stood last by its log. `undefined` without a log: git and varve remove it before the branch. */
export function lastLogged(git: string, name: string): CommitId | undefined {
  return hasReflog(name) ? readReflog(git, name)[0]?.after : undefined;
}

/** Branches that have a log. */
export function loggedBranches(git: string): RefName[] {
  const folder = path.join(git, "logs", "refs", "heads");
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true, encoding: "utf8" });
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => path.relative(path.join(git, "logs"), path.join(entry.parentPath, entry.name)) as RefName);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw systemFailure("list the logs of branches", error, folder);
  }
}

/** A branch that is renamed keeps its log. Durable when this returns; nothing when there is none. */
export function copyReflog(git: string, from: string, to: string): void {
  const [source, file] = [from, to].map((name) => path.join(git, "logs", name)) as [string, string];
  try {
    const bytes = readRegularFile(source, { largest: LARGEST_LOG_BYTES });
    makeDurableDirectory(path.dirname(file), git);
    const fd = openRegularFile(file, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o644);
    try {
      writeFully(fd, bytes);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    syncDirectory(path.dirname(file));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw systemFailure(`copy the log of "${from}"`, error, file);
  }
}

/** As git: the log goes with its branch. */
export function removeReflog(git: string, name: string): void {
  rmSync(path.join(git, "logs", name), { force: true });
}

function parseLine(line: string): RefMove | undefined {
  const [, before, after, name, email, seconds, sign, hours, minutes, reason] = LINE.exec(line) ?? [];
  if (before === undefined || after === undefined) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  const who = { name: name ?? "", email: email ?? "", seconds: Number(seconds), offsetMinutes: offset };
  return { before: commitOf(before), after: commitOf(after), who, reason: reason ?? "" };
}

function commitOf(text: string): CommitId | undefined {
  return text === NO_COMMIT ? undefined : parseCommitId(text);
}

/** `Name <email> 1700000000 +0100`. */
function formatSignature({ name, email, seconds, offsetMinutes }: Signature): string {
  const minutes = Math.abs(offsetMinutes);
  const digits = (value: number): string => String(value).padStart(2, "0");
  const zone = `${offsetMinutes < 0 ? "-" : "+"}${digits(Math.floor(minutes / 60))}${digits(minutes % 60)}`;
  return `${name} <${email}> ${seconds} ${zone}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function endsWithNewline(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === NEWLINE;
}
