import { createRef, deleteRef, listRefs } from "../core/operations/branches.js";
import type { Ref } from "../core/model/commit.js";
import type { RefName } from "../core/model/ids.js";
import type { Repository } from "../core/ports/repository.js";
import type { OptionValues, Session } from "./command.js";
import { openRepository } from "./open-repository.js";
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

export const REF_OPTIONS = {
  delete: { type: "boolean", alias: "d", describe: "Delete NAME; its commits stay" },
  force: { type: "boolean", alias: "f", describe: "Move NAME if it exists" },
} as const;

interface Given {
  readonly words: readonly string[];
  readonly options: OptionValues<typeof REF_OPTIONS>;
  readonly session: Session;
}

export async function namedRefs(kind: RefKind, { words: [name, revision], options, session }: Given): Promise<void> {
  if (name === undefined) return list(kind, session);
  const ref = kind.ref(name);
  const repository = await openRepository(session);
  const { terminal, json, typed } = session;
  if (options.delete) {
    const commit = await deleteRef(repository, ref, { command: typed });
    if (json) printJson(terminal, { [kind.word]: name, commit: null, before: commit });
    else terminal.say(`Deleted ${kind.word} ${name} (was ${shortId(commit)}). Take it back: varve undo`);
    return;
  }
  const commit = await commitOf(repository, revision ?? "HEAD");
  const before = await repository.history.readRef(ref);
  await createRef(repository, ref, commit, { command: typed, force: options.force });
  if (json) printJson(terminal, { [kind.word]: name, commit, before: before ?? null });
  else terminal.say(`${before === undefined ? "Made" : "Moved"} ${kind.word} ${name} at ${shortId(commit)}`);
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
