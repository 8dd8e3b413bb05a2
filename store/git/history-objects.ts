import type { Commit } from "../../core/model/commit.js";
import type { CommitId, RefName, TagId } from "../../core/model/ids.js";
import type { HistoryRef, Prerequisite } from "../../core/ports/histories.js";
import { VarveError } from "../../core/errors.js";
import { BRANCHES, IMAGES, isImageReference, isRefName, isShortName, shortName, TAGS } from "../../core/revision/ref-names.js";
import { safeMessage } from "../../core/text/safe-message.js";
import { decodeBundle } from "./bundle-file.js";
import * as commitFiles from "./commit-files.js";
import { OUR_FILES, parseCommit, type ParsedCommit } from "./loose-commits.js";
import { filesOfTree, type LooseObject } from "./loose-objects.js";
import { safePersonPart } from "./safe-text.js";
import { parseTag } from "./tag-objects.js";

/** A stranger's history, which is in memory while it is read: of 100,000 commits, more than have their layers in one manifest. */
const LIMITS = { objects: 400_000, objectBytes: 2 ** 23, allBytes: 2 ** 27 };
/** With its message, of which `log` has each line in memory. */
const LARGEST_COMMIT_BYTES = 2 ** 20;
const MOST_REFS = 100_000;
const LONGEST_SUBJECT = 200;

export interface HistoryObjects {
  readonly refs: readonly HistoryRef[];
  readonly prerequisites: readonly Prerequisite[];
  /** Parents before children. */
  readonly commits: readonly Commit[];
  /** By id, each after those that it names. */
  readonly objects: ReadonlyMap<string, LooseObject>;
}

/**
 * The commits and refs of a bundle of git. All of it is of the form that varve writes; nothing is missing but what the prerequisites have, and nothing is there that no
 * ref leads to.
 *
 * @throws SyntaxError, with what is wrong as text that follows "its git bundle".
 */
export function decodeHistory(bytes: Buffer): HistoryObjects {
  const { refs, prerequisites, objects } = decodeBundle(bytes, LIMITS);
  return new Decoding(objects, new Set(prerequisites.map(({ id }) => id))).decode(refs, prerequisites);
}

/** For who sends a history. @throws VarveError UNSUPPORTED for more than `decodeHistory` reads. */
export function requireReadable(objects: ReadonlyMap<string, LooseObject>): void {
  let bytes = 0;
  for (const [id, { kind, body }] of objects) {
    bytes += body.length;
    if (kind === "commit" && body.length > LARGEST_COMMIT_BYTES)
      throw unreadable(`its commit "${id}" has ${body.length} bytes, and ${LARGEST_COMMIT_BYTES} are read`);
  }
  if (objects.size > LIMITS.objects) throw unreadable(`it has ${objects.size} git objects, and ${LIMITS.objects} are read`);
  if (bytes > LIMITS.allBytes)
    throw unreadable(`its commits have ${bytes} bytes without their layers, and ${LIMITS.allBytes} are read`);
}

function unreadable(state: string): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot send the history: ${state}`, {
    hint: "Send a part of it: varve bundle A..B FILE.",
  });
}

class Decoding {
  readonly #objects: ReadonlyMap<string, LooseObject>;
  readonly #needed: ReadonlySet<string>;
  readonly #ordered = new Map<string, LooseObject>();
  readonly #commits = new Map<string, Commit>();

  constructor(objects: ReadonlyMap<string, LooseObject>, needed: ReadonlySet<string>) {
    this.#objects = objects;
    this.#needed = needed;
  }

  decode(
    refs: readonly { readonly name: string; readonly id: string }[],
    prerequisites: readonly { readonly id: string; readonly subject: string }[],
  ): HistoryObjects {
    if (refs.length === 0 || refs.length > MOST_REFS)
      throw new SyntaxError(`has ${refs.length} refs, expected 1 to ${MOST_REFS}`);
    if (new Set(refs.map(({ name }) => name)).size < refs.length) throw new SyntaxError("has a ref twice");
    requireNoFolders(refs.map(({ name }) => name));
    const found = refs.map(({ name, id }) => this.#ref(checkedName(name), id));
    if (this.#ordered.size < this.#objects.size) throw new SyntaxError("has objects that no ref leads to");
    return {
      refs: found,
      prerequisites: prerequisites.map(({ id, subject }) => ({
        commit: id as CommitId,
        subject: safeMessage(subject).slice(0, LONGEST_SUBJECT),
      })),
      commits: [...this.#commits.values()],
      objects: this.#ordered,
    };
  }

  #ref(name: RefName | "HEAD", id: string): HistoryRef {
    const tag = this.#objects.get(id);
    if (tag?.kind !== "tag") return { name, commit: this.#tip(id, name) };
    const parsed = parseTag(id, utf8(tag.body, id));
    if (!name.startsWith(TAGS) || parsed?.type !== "commit") throw new SyntaxError(`has a ref "${name}" that names no commit`);
    const commit = this.#tip(parsed.object, name);
    this.#ordered.set(id, tag);
    return { name, commit, tag: id as TagId };
  }

  #tip(id: string, name: string): CommitId {
    if (!this.#objects.has(id) && !this.#needed.has(id)) throw new SyntaxError(`has a ref "${name}" to what it does not hold`);
    this.#follow(id);
    return id as CommitId;
  }

  /** Without recursion: a history may be longer than the stack. */
  #follow(tip: string): void {
    const pending = [tip];
    const read = new Map<string, ParsedCommit>();
    for (let id = pending.at(-1); id !== undefined; id = pending.at(-1)) {
      if (this.#commits.has(id) || this.#isBefore(id)) {
        pending.pop();
        continue;
      }
      const commit = read.get(id) ?? this.#commit(id);
      const open = commit.parents.filter((parent) => !this.#commits.has(parent) && !this.#isBefore(parent));
      if (open.length > 0 && read.has(id)) throw new SyntaxError("has a history that leads back to itself");
      read.set(id, commit);
      if (open.length > 0) pending.push(...open);
      else {
        this.#add(commit);
        pending.pop();
      }
    }
  }

  #isBefore(id: string): boolean {
    return this.#needed.has(id) && !this.#objects.has(id);
  }

  #commit(id: string): ParsedCommit {
    const object = this.#object(id, "commit");
    if (object.body.length > LARGEST_COMMIT_BYTES) throw new SyntaxError(`has a commit "${id}" of ${object.body.length} bytes`);
    const commit = parseCommit(id, object.body);
    utf8(object.body, id);
    if (commit === undefined) throw new SyntaxError(`has a commit "${id}" that is not of varve's form`);
    return commit;
  }

  #add({ tree, ...commit }: ParsedCommit): void {
    const { id } = commit;
    const object = this.#object(tree, "tree");
    const files = filesOfTree(object.body);
    const again = Buffer.concat([...files].sort().map(([name, file]) => treeEntry(name, file)));
    if (![...files.keys()].every((name) => OUR_FILES.has(name)) || !again.equals(object.body))
      throw new SyntaxError(`has a commit "${id}" with a tree that is not of varve's form`);
    const bodies = new Map([...files].map(([name, file]) => [name, this.#object(file, "blob").body]));
    this.#commits.set(id, commitOf(commit, bodies));
    for (const file of files.values()) this.#ordered.set(file, this.#object(file, "blob"));
    this.#ordered.set(tree, object);
    this.#ordered.set(id, this.#object(id, "commit"));
  }

  #object(id: string, kind: string): LooseObject {
    const object = this.#objects.get(id);
    if (object === undefined) throw new SyntaxError(`lacks the ${kind} "${id}"`);
    if (object.kind !== kind) throw new SyntaxError(`has a ${object.kind} "${id}", expected a ${kind}`);
    return object;
  }
}

function treeEntry(name: string, id: string): Buffer {
  return Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(id, "hex")]);
}

function commitOf(
  { author, committer, message, ...commit }: Omit<ParsedCommit, "tree">,
  files: ReadonlyMap<string, Buffer>,
): Commit {
  const { id } = commit;
  const read = <T extends object>(
    name: string,
    decode: (bytes: Buffer, commit: string) => T,
    encode: (value: T) => Buffer,
  ): T | undefined => {
    const bytes = files.get(name);
    const value = bytes && decoded(() => decode(bytes, id), id);
    // What varve would not have written so might be read otherwise elsewhere.
    if (value !== undefined && bytes?.equals(encode(value)) !== true)
      throw new SyntaxError(`has a commit "${id}" with a ${name} that is not of varve's form`);
    return value;
  };
  const record = read(commitFiles.LAYER_FILE, commitFiles.decodeLayerRecord, commitFiles.encodeLayerRecord);
  if (record === undefined) throw new SyntaxError(`has a commit "${id}" without a ${commitFiles.LAYER_FILE}`);
  const config = read(commitFiles.CONFIG_FILE, commitFiles.decodeConfig, commitFiles.encodeConfig);
  const origin = read(commitFiles.ORIGIN_FILE, commitFiles.decodeOrigin, commitFiles.encodeOrigin);
  const image = read(commitFiles.IMAGE_FILE, commitFiles.decodeImageRecord, commitFiles.encodeImageRecord);
  const people = { author: safePerson(author), committer: safePerson(committer) };
  return { ...commit, ...people, message: safeMessage(message), ...record, config, origin, ...(image && { image }) };
}

function decoded<T>(decode: () => T, id: string): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED")
      throw new SyntaxError(`has a commit "${id}" with a file that is not of varve's form`);
    throw error;
  }
}

function safePerson<P extends { readonly name: string; readonly email: string }>(person: P): P {
  return { ...person, name: safePersonPart(person.name), email: safePersonPart(person.email) };
}

function checkedName(name: string): RefName | "HEAD" {
  if (name === "HEAD") return name;
  const isOurs =
    isRefName(name) &&
    (name.startsWith(IMAGES)
      ? isImageReference(shortName(name as RefName))
      : (name.startsWith(BRANCHES) || name.startsWith(TAGS)) && isShortName(shortName(name as RefName)));
  if (isOurs) return name as RefName;
  throw new SyntaxError(`has a ref ${JSON.stringify(name.slice(0, LONGEST_SUBJECT))}, which can't be one`);
}

/** Git can't have `refs/heads/a` and `refs/heads/a/b` both, since each is a file. @throws SyntaxError. */
function requireNoFolders(names: readonly string[]): void {
  const all = new Set(names);
  for (const name of names)
    for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1))
      if (all.has(name.slice(0, slash)))
        throw new SyntaxError(`has a ref ${JSON.stringify(name.slice(0, slash))} that is a folder of another`);
}

/** @throws SyntaxError. */
function utf8(body: Buffer, id: string): string {
  const text = body.toString("utf8");
  if (Buffer.from(text).equals(body)) return text;
  throw new SyntaxError(`has an object "${id}" that is no UTF-8`);
}
