import { createRef, deleteRefs, listRefs, type CreatedRef } from "../core/operations/branches.js";
import type { Ref } from "../core/model/commit.js";
import type { CommitId, RefName } from "../core/model/ids.js";
import type { Repository } from "../core/ports/repository.js";
import { namePattern } from "../core/revision/name-pattern.js";
import type { Session } from "./command.js";
import { openRepository } from "./open-repository.js";
import { printJson, printJsonArray } from "./render/json-array.js";
import { refText, shortId } from "./render/names.js";
import { commitOf } from "./revision-words.js";

/** What `branch` and `tag` have in common: they list, make and delete names of commits. */
export interface RefKind {
  readonly word: "branch" | "tag";
  /** Of all that it lists. */
  readonly prefixes: readonly string[];
  /** @throws VarveError BAD_NAME. */
  readonly ref: (name: string) => RefName;
}

/** What is said of a name beside its commit. */
export interface RefMark {
  /** In front of the name. */
  readonly mark?: string;
  /** Behind its commit. */
  readonly about?: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface MakeOptions {
  readonly revision: string;
  readonly force: boolean;
  /** Of an annotated tag. */
  readonly annotation?: string | undefined;
}

export async function makeRef(
  kind: RefKind,
  name: string,
  { revision, force, annotation }: MakeOptions,
  session: Session,
): Promise<void> {
  const ref = kind.ref(name);
  const repository = await openRepository(session);
  const { terminal, json, typed } = session;
  const commit = await commitOf(repository, revision);
  const made = await createRef(repository, ref, commit, { command: typed, force, annotation });
  if (json) return printJson(terminal, { [kind.word]: name, commit, before: made.before ?? null });
  terminal.say(madeText(`${kind.word} ${name}`, commit, made));
}

function madeText(what: string, commit: CommitId, { before, isChanged }: CreatedRef): string {
  const at = shortId(commit);
  if (before === undefined) return `Made ${what} at ${at}`;
  if (!isChanged) return `Nothing to move: ${what} is at ${at} already.`;
  const moved = before === commit ? `Made ${what} anew at ${at}.` : `Moved ${what} to ${at} (was ${shortId(before)}).`;
  return `${moved} Take it back: varve undo`;
}

export async function removeRefs(kind: RefKind, names: readonly string[], force: boolean, session: Session): Promise<void> {
  const distinct = [...new Set(names)];
  const refs = distinct.map((name) => kind.ref(name));
  const { terminal, json, typed } = session;
  const commits = await deleteRefs(await openRepository(session), refs, { command: typed, force });
  const deleted = commits.map((commit, index) => ({ name: distinct[index], commit }));
  if (json) {
    const rows = deleted.map(({ name, commit }) => ({ [kind.word]: name, commit: null, before: commit }));
    return rows.length === 1 ? printJson(terminal, rows[0]) : printJsonArray(terminal, rows);
  }
  const lines = deleted.map(({ name, commit }) => `Deleted ${kind.word} ${name} (was ${shortId(commit)}).`);
  terminal.say(`${lines.join("\n")} Take ${lines.length === 1 ? "it" : "them"} back: varve undo`);
}

export interface ListOptions {
  /** Only names that fit one of them. */
  readonly patterns: readonly string[];
  readonly mark: (repository: Repository) => Promise<(ref: Ref) => Promise<RefMark>>;
  readonly keep?: (repository: Repository) => Promise<(ref: Ref) => Promise<boolean>>;
}

export async function printRefs(kind: RefKind, { patterns, mark, keep }: ListOptions, session: Session): Promise<void> {
  const repository = await openRepository(session);
  const fit = patterns.map(namePattern);
  const every = await listRefs(repository, kind.prefixes);
  const named = every.filter(({ name }) => fit.length === 0 || fit.some((fits) => fits(refText(name))));
  const isKept = keep === undefined ? undefined : await keep(repository);
  const refs: Ref[] = [];
  for (const ref of named) if (isKept === undefined || (await isKept(ref))) refs.push(ref);
  const markOf = await mark(repository);
  const marks: RefMark[] = [];
  for (const ref of refs) marks.push(await markOf(ref));
  if (session.json) {
    const facts = refs.map((ref, at) => ({ name: refText(ref.name), commit: ref.commit, ...marks[at]?.json }));
    return printJsonArray(session.terminal, facts);
  }
  if (every.length === 0) {
    session.terminal.say(`There is no ${kind.word} yet. Make one with: varve ${kind.word} NAME [REV]`);
    return;
  }
  const width = Math.max(0, ...refs.map(({ name }) => refText(name).length));
  const rows = refs.map((ref, at) => {
    const about = marks[at]?.about ?? "";
    return `${marks[at]?.mark ?? ""}${refText(ref.name).padEnd(width)}  ${shortId(ref.commit)}${about === "" ? "" : ` ${about}`}\n`;
  });
  session.terminal.print(rows.join(""));
}
