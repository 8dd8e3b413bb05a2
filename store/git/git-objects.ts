import type * as IsomorphicGit from "isomorphic-git";
import { VarveError } from "../../core/errors.js";
import type { Signature, TagDraft } from "../../core/model/commit.js";
import { parseCommitId, parseTagId, type CommitId, type TagId } from "../../core/model/ids.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { readLooseCommit, readLooseFile } from "./loose-commits.js";
import { readLooseObject, type LooseObject } from "./loose-objects.js";
import { ObjectFiles } from "./object-files.js";
import type { RawCommit } from "./raw-commit.js";
import { parseTag, readLooseTag, type RawTag } from "./tag-objects.js";

export interface CommitContent {
  readonly parents: readonly CommitId[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
  /** File contents by name, in byte order of name, as git trees have them. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Loaded at the first call: it takes some 50 ms, and most commands find their commits in the cache. */
async function git(): Promise<typeof IsomorphicGit> {
  const module = (await import("isomorphic-git")) as unknown as { default?: typeof IsomorphicGit };
  return module.default ?? (module as unknown as typeof IsomorphicGit);
}

type Client = Parameters<typeof IsomorphicGit.readCommit>[0]["fs"];

/** The objects of the store's git repository: the one user of isomorphic-git. */
export class GitObjects {
  readonly #gitdir: string;
  readonly #files: ObjectFiles;
  readonly #client: Client;
  /** isomorphic-git keeps decoded pack indexes in it. */
  readonly #cache = {};

  constructor(layout: StoreLayout) {
    this.#gitdir = layout.git;
    this.#files = new ObjectFiles(layout);
    this.#client = this.#files.client as unknown as Client;
  }

  get #where(): { fs: Client; gitdir: string; cache: object } {
    return { fs: this.#client, gitdir: this.#gitdir, cache: this.#cache };
  }

  /** Blobs, tree and commit, all durable when the promise resolves. @returns The commit's id, and git's id of each file. */
  async write(content: CommitContent): Promise<{ id: CommitId; files: ReadonlyMap<string, string> }> {
    try {
      const written = await this.#stage(content);
      this.#files.publish();
      return written;
    } catch (error) {
      this.#files.discard();
      throw systemFailure("write the commit", error, this.#gitdir);
    }
  }

  async #stage({
    parents,
    author,
    committer,
    message,
    files,
  }: CommitContent): Promise<{ id: CommitId; files: ReadonlyMap<string, string> }> {
    const library = await git();
    const blobs = new Map<string, string>();
    for (const [name, blob] of files) blobs.set(name, await library.writeBlob({ ...this.#where, blob }));
    const entries = [...blobs].map(([path, oid]) => ({ mode: "100644", path, oid, type: "blob" }) as const);
    const tree = await library.writeTree({ ...this.#where, tree: entries });
    const people = { author: libraryPerson(author), committer: libraryPerson(committer) };
    const commit = { tree, parent: [...parents], message: `${message}\n`, ...people };
    return { id: parseCommitId(await library.writeCommit({ ...this.#where, commit })), files: blobs };
  }

  /** Durable when the promise resolves. */
  async writeTag({ name, commit, tagger, message }: TagDraft): Promise<TagId> {
    try {
      const tag = { object: commit, type: "commit", tag: name, tagger: libraryPerson(tagger), message: `${message}\n` } as const;
      const id = await (await git()).writeTag({ ...this.#where, tag });
      this.#files.publish();
      return parseTagId(id);
    } catch (error) {
      this.#files.discard();
      throw systemFailure("write the tag", error, this.#gitdir);
    }
  }

  /** @returns `undefined` for an object that is no tag. @throws VarveError STORE_DAMAGED. */
  async readTag(id: string): Promise<RawTag | undefined> {
    const loose = readLooseTag(this.#gitdir, id);
    if (loose !== undefined) return loose;
    if (readLooseCommit(this.#gitdir, id) !== undefined) return undefined;
    try {
      const { payload } = await (await git()).readTag({ ...this.#where, oid: id });
      return parseTag(id, payload);
    } catch (error) {
      if ((error as { code?: string }).code === "ObjectTypeError") return undefined;
      throw damaged(id, error);
    }
  }

  /** The commit that an object is, or that a tag leads to. @throws VarveError STORE_DAMAGED. */
  async peel(id: string): Promise<CommitId> {
    const loose = readLooseTag(this.#gitdir, id);
    return loose?.type === "commit" ? parseCommitId(loose.object) : (await this.read(id)).id;
  }

  /** @throws VarveError STORE_DAMAGED. */
  async read(id: string): Promise<RawCommit> {
    const loose = readLooseCommit(this.#gitdir, id);
    if (loose !== undefined) return loose;
    try {
      const library = await git();
      const { oid, commit } = await library.readCommit({ ...this.#where, oid: id });
      const { tree } = await library.readTree({ ...this.#where, oid: commit.tree });
      return {
        id: parseCommitId(oid),
        parents: commit.parent.map(parseCommitId),
        author: signature(commit.author),
        committer: signature(commit.committer),
        message: commit.message.replace(/\n$/, ""),
        files: new Map(tree.filter(({ type }) => type === "blob").map(({ path, oid: blob }) => [path, blob])),
      };
    } catch (error) {
      throw damaged(id, error);
    }
  }

  /** @throws VarveError STORE_DAMAGED. */
  async readFile(id: string): Promise<Buffer> {
    const loose = readLooseFile(this.#gitdir, id);
    if (loose !== undefined) return loose;
    try {
      return Buffer.from((await (await git()).readBlob({ ...this.#where, oid: id })).blob);
    } catch (error) {
      throw damaged(id, error);
    }
  }

  /** An object as it is. @throws VarveError STORE_DAMAGED. */
  async raw(id: string): Promise<LooseObject> {
    const loose = readLooseObject(this.#gitdir, id);
    if (loose !== undefined) return loose;
    try {
      // Packed by git. Of what it is there is nothing to go by.
      // eslint-disable-next-line @typescript-eslint/no-deprecated
      const found = await (await git()).readObject({ ...this.#where, oid: id, format: "content" });
      return { kind: found.type, body: Buffer.from(found.object as Uint8Array) };
    } catch (error) {
      throw damaged(id, error);
    }
  }

  /** Objects that came from elsewhere, each after those that it names. All durable when it returns. */
  keep(objects: ReadonlyMap<string, LooseObject>): void {
    try {
      for (const [id, object] of objects) this.#files.stage(id, object);
      this.#files.publish();
    } catch (error) {
      this.#files.discard();
      throw systemFailure("write the history", error, this.#gitdir);
    }
  }

  /** Ids of objects, of any kind, that begin with these hex digits and stand in packs. */
  async findPacked(prefix: string): Promise<readonly string[]> {
    try {
      return [await (await git()).expandOid({ ...this.#where, oid: prefix })];
    } catch (error) {
      const { code, data } = error as { code?: string; data?: { matches?: readonly string[] } };
      if (code === "NotFoundError") return [];
      if (code === "AmbiguousError") return data?.matches ?? [];
      throw systemFailure(`look up "${prefix}"`, error);
    }
  }
}

/** The library counts minutes west of UTC. `0 -`, since -0 would be written as `-0000`. */
function libraryPerson({ name, email, seconds, offsetMinutes }: Signature): IsomorphicGit.CommitObject["author"] {
  return { name, email, timestamp: seconds, timezoneOffset: 0 - offsetMinutes };
}

function signature(person: IsomorphicGit.CommitObject["author"]): Signature {
  const { name, email, timestamp, timezoneOffset } = person;
  if (!Number.isSafeInteger(timestamp)) throw new RangeError("a time that is no number");
  return { name, email, seconds: timestamp, offsetMinutes: Number.isSafeInteger(timezoneOffset) ? 0 - timezoneOffset : 0 };
}

function damaged(id: string, error: unknown): unknown {
  const failure = systemFailure("read a git object", error);
  if (failure !== error) return failure;
  const missing = (error as { code?: string }).code === "NotFoundError";
  const state = missing ? "it is missing" : "its bytes are no commit";
  return new VarveError("STORE_DAMAGED", `Cannot read commit "${id}": ${state}`, {
    hint: "Run `git fsck` in the store's git directory to see what is lost, and restore that from a backup or another copy.",
    cause: error,
  });
}
