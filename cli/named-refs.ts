import { createRef, deleteRefs, listRefs } from "../core/operations/branches.js";
import type { Ref } from "../core/model/commit.js";
import type { RefName } from "../core/model/ids.js";
import type { Repository } from "../core/ports/repository.js";
import type { OptionValues, Session, Word } from "./command.js";
import { openRepository } from "./open-repository.js";
import { wordMissing, wordTooMany } from "./parse-words.js";
import { printJson, printJsonArray } from "./render/json-array.js";
import { refText, shortId } from "./render/names.js";
import { commitOf } from "./revision-words.js";

/** What `branch` and `tag` have in common: they list, make and delete names of commits. */
export interface RefKind {
  readonly word: "branch" | "tag";
  readonly prefix: "refs/heads/" | "refs/tags/";
  /** @throws VarveError BAD_NAME. */
  readonly ref: (name: string) => RefName;
  /** What is said of a name beside its commit. */
  readonly mark: (repository: Repository, refs: readonly Ref[]) => Promise<(ref: Ref) => RefMark>;
}

export interface RefMark {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export const REF_FORM = "[NAME [REV]] [-f] | -d NAME…";

export const REF_WORDS: readonly Word[] = [
  { name: "NAME", required: false },
  { name: "REV", required: false, many: true },
];

export const REF_OPTIONS = {
  delete: { type: "boolean", alias: "d", describe: "Delete each NAME, all of them or none; their commits stay" },
  force: { type: "boolean", alias: "f", describe: "Move NAME if it exists" },
} as const;

interface Given {
  readonly words: readonly string[];
  readonly options: OptionValues<typeof REF_OPTIONS>;
  readonly session: Session;
}

export async function namedRefs(kind: RefKind, { words, options, session }: Given): Promise<void> {
  const [name, revision = "HEAD", extra] = words;
  const form = { name: kind.word, form: REF_FORM };
  if (name === undefined) {
    if (options.delete || options.force) throw wordMissing(form, "NAME");
    return list(kind, session);
  }
  if (options.delete) return remove(kind, [...new Set(words)], session);
  if (extra !== undefined) throw wordTooMany(form, extra);
  return make(kind, name, { revision, force: options.force }, session);
}

async function make(
  kind: RefKind,
  name: string,
  { revision, force }: { readonly revision: string; readonly force: boolean },
  session: Session,
): Promise<void> {
  const ref = kind.ref(name);
  const repository = await openRepository(session);
  const { terminal, json, typed } = session;
  const commit = await commitOf(repository, revision);
  const before = await repository.history.readRef(ref);
  await createRef(repository, ref, commit, { command: typed, force });
  if (json) printJson(terminal, { [kind.word]: name, commit, before: before ?? null });
  else
    terminal.say(`${before === undefined ? `Made ${kind.word} ${name} at` : `Moved ${kind.word} ${name} to`} ${shortId(commit)}`);
}

async function remove(kind: RefKind, names: readonly string[], session: Session): Promise<void> {
  const refs = names.map((name) => kind.ref(name));
  const { terminal, json, typed } = session;
  const commits = await deleteRefs(await openRepository(session), refs, { command: typed });
  const deleted = commits.map((commit, index) => ({ name: names[index], commit }));
  if (json) {
    const rows = deleted.map(({ name, commit }) => ({ [kind.word]: name, commit: null, before: commit }));
    return rows.length === 1 ? printJson(terminal, rows[0]) : printJsonArray(terminal, rows);
  }
  const lines = deleted.map(({ name, commit }) => `Deleted ${kind.word} ${name} (was ${shortId(commit)}).`);
  terminal.say(`${lines.join("\n")} Take ${lines.length === 1 ? "it" : "them"} back: varve undo`);
}

async function list(kind: RefKind, session: Session): Promise<void> {
  const repository = await openRepository(session);
  const refs = await listRefs(repository, kind.prefix);
  const mark = await kind.mark(repository, refs);
  const facts = (ref: Ref): Record<string, unknown> => ({ name: refText(ref.name), commit: ref.commit, ...mark(ref).json });
  if (session.json) return printJsonArray(session.terminal, refs.map(facts));
  if (refs.length === 0) {
    session.terminal.say(`There is no ${kind.word} yet. Make one with: varve ${kind.word} NAME [REV]`);
    return;
  }
  const width = Math.max(0, ...refs.map(({ name }) => refText(name).length));
  const rows = refs.map((ref) => `${mark(ref).text}${refText(ref.name).padEnd(width)}  ${shortId(ref.commit)}\n`);
  session.terminal.print(rows.join(""));
}
