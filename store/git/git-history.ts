import path from "node:path";
import { VarveError } from "../../core/errors.js";
import type { Commit, CommitDraft, Ref, Signature, Tag, TagDraft } from "../../core/model/commit.js";
import type { CommitId, LayerId, RefName, TagId } from "../../core/model/ids.js";
import type { History, RefMove, RefUpdate } from "../../core/ports/history.js";
import { parseRefName, shortName, TAGS } from "../../core/revision/ref-names.js";
import { safeMessage } from "../../core/text/safe-message.js";
import { sourceDateEpoch } from "../clock.js";
import { syncDirectory } from "../durable-file.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { identity } from "./author.js";
import { readUpstream, writeUpstream } from "./branch-config.js";
import { ChainCache } from "./chain-cache.js";
import { CommitCache } from "./commit-cache.js";
import * as commitFiles from "./commit-files.js";
import { findObjects } from "./find-objects.js";
import { GitObjects } from "./git-objects.js";
import { readPackedRefs } from "./packed-refs.js";
import type { RawCommit } from "./raw-commit.js";
import { listRefNames, readLooseRef, readRefFile } from "./ref-files.js";
import { lockFile } from "./ref-lock.js";
import { moveRefs } from "./ref-transaction.js";
import { appendReflog, lastLogged, readReflog } from "./reflog.js";
import { checkedMessage, safePersonPart } from "./safe-text.js";

const DEFAULT_REASON = "varve";

/** The store's history: a bare git repository. Refs and cached commits are read without loading isomorphic-git. */
export function gitHistory(layout: StoreLayout): History {
  return new GitHistory(layout);
}

class GitHistory implements History {
  readonly #layout: StoreLayout;
  readonly #objects: GitObjects;
  readonly #cache: CommitCache;
  readonly #chains: ChainCache;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
    this.#objects = new GitObjects(layout);
    this.#cache = new CommitCache(layout.commitCache);
    this.#chains = new ChainCache(layout);
  }

  knownChain(commit: CommitId): readonly LayerId[] | undefined {
    return this.#chains.get(commit);
  }

  rememberChain(commit: CommitId, chain: readonly LayerId[], extended: CommitId | undefined): void {
    this.#chains.put(commit, chain, extended);
  }

  async readCommit(id: CommitId): Promise<Commit> {
    return this.#cache.get(id) ?? this.#readFromGit(id);
  }

  async #readFromGit(id: CommitId): Promise<Commit> {
    const raw = await this.#objects.read(id);
    const commit = await this.#decode(raw);
    this.#cache.put(commit, raw.files.get(commitFiles.CONFIG_FILE));
    return commit;
  }

  async #decode({ id, parents, author, committer, message, files }: RawCommit): Promise<Commit> {
    const read = async <T>(name: string, decode: (bytes: Buffer, commit: string) => T): Promise<T | undefined> => {
      const file = files.get(name);
      return file === undefined ? undefined : decode(await this.#objects.readFile(file), id);
    };
    const record = await read(commitFiles.LAYER_FILE, commitFiles.decodeLayerRecord);
    if (record === undefined) throw foreignCommit(id);
    const config = await read(commitFiles.CONFIG_FILE, commitFiles.decodeConfig);
    const origin = await read(commitFiles.ORIGIN_FILE, commitFiles.decodeOrigin);
    const image = await read(commitFiles.IMAGE_FILE, commitFiles.decodeImageRecord);
    const people = { author: safeSignature(author), committer: safeSignature(committer) };
    return { id, parents, ...people, message: safeMessage(message), ...record, config, origin, ...(image && { image }) };
  }

  async writeCommit(draft: CommitDraft): Promise<CommitId> {
    const { parents, config, origin, image } = draft;
    const files = new Map<string, Buffer>();
    if (config !== undefined) files.set(commitFiles.CONFIG_FILE, commitFiles.encodeConfig(config));
    files.set(commitFiles.LAYER_FILE, commitFiles.encodeLayerRecord(draft));
    if (origin !== undefined) files.set(commitFiles.ORIGIN_FILE, commitFiles.encodeOrigin(origin));
    if (image !== undefined) files.set(commitFiles.IMAGE_FILE, commitFiles.encodeImageRecord(image));
    const author = clamped(safeSignature(draft.author));
    const committer =
      draft.committer === undefined ? identity("committer", this.#layout.git) : clamped(safeSignature(draft.committer));
    const message = checkedMessage(draft.message);
    const written = await this.#objects.write({ parents, author, committer, message, files });
    const { layer, tree, added, modified, deleted, storedBytes } = draft;
    const commit = {
      id: written.id,
      parents,
      author,
      committer,
      message,
      layer,
      tree,
      added,
      modified,
      deleted,
      storedBytes,
      config,
      origin,
      ...(image && { image }),
    };
    this.#cache.put(commit, written.files.get(commitFiles.CONFIG_FILE));
    return written.id;
  }

  async findCommits(prefix: string, limit: number): Promise<readonly CommitId[]> {
    if (!/^[0-9a-f]{4,40}$/.test(prefix)) throw new RangeError(`${prefix} is no prefix of a commit id`);
    const known = new Set(this.#cache.find(prefix));
    const found: CommitId[] = [];
    for (const id of (await findObjects(this.#layout.git, this.#objects, prefix)) as CommitId[]) {
      if (found.length >= limit) break;
      if (known.has(id) || (await this.#isCommit(id))) found.push(id);
    }
    return found;
  }

  async #isCommit(id: CommitId): Promise<boolean> {
    try {
      return (await this.#readFromGit(id)).id === id;
    } catch (error) {
      if (error instanceof VarveError && error.code === "STORE_DAMAGED") return false;
      throw error;
    }
  }

  async listRefs(prefix: string): Promise<readonly Ref[]> {
    const refs: Ref[] = [];
    for (const name of listRefNames(this.#layout.git, prefix)) {
      const commit = await this.#readable(name);
      if (commit !== undefined) refs.push({ name, commit });
    }
    return refs;
  }

  /** One damaged ref must not hide the others; `readRef` and fsck tell of it. */
  async #readable(name: RefName): Promise<CommitId | undefined> {
    try {
      return await this.readRef(name);
    } catch (error) {
      if (error instanceof VarveError && error.code === "STORE_DAMAGED") return undefined;
      throw error;
    }
  }

  async readRef(name: RefName): Promise<CommitId | undefined> {
    const id = readRefFile(this.#layout.git, name) as CommitId | undefined;
    if (id === undefined) requireNeverStood(this.#layout.git, name);
    if (id === undefined || !name.startsWith(TAGS) || this.#cache.get(id) !== undefined) return id;
    // git may have made an annotated tag: what it names is wanted.
    const packed = readPackedRefs(this.#layout.git).get(name);
    return packed?.id === id && packed.peeled ? (packed.peeled as CommitId) : this.#objects.peel(id);
  }

  async readTag(name: RefName): Promise<Tag | undefined> {
    const id = readRefFile(this.#layout.git, name);
    if (id === undefined || this.#cache.get(id as CommitId) !== undefined) return undefined;
    return this.#tagOf(id);
  }

  async readTagObject(id: TagId): Promise<Tag> {
    const tag = await this.#tagOf(id);
    if (tag !== undefined) return tag;
    throw new VarveError("STORE_DAMAGED", `Cannot read tag "${id}": it is no tag`);
  }

  async #tagOf(id: string): Promise<Tag | undefined> {
    const tag = await this.#objects.readTag(id);
    if (tag === undefined) return undefined;
    const { object: _, type: __, ...rest } = tag;
    return { ...rest, commit: await this.#objects.peel(id) };
  }

  async writeTag(draft: TagDraft): Promise<TagId> {
    const tagger = clamped(safeSignature(draft.tagger));
    return this.#objects.writeTag({ ...draft, tagger, message: checkedMessage(draft.message) });
  }

  async upstream(branch: RefName): Promise<RefName | undefined> {
    return readUpstream(this.#layout.git, branch);
  }

  async setUpstream(branch: RefName, upstream: RefName | undefined): Promise<void> {
    await writeUpstream(this.#layout, branch, upstream);
  }

  async updateRefs(updates: readonly RefUpdate[], reason: string = DEFAULT_REASON, isPassing = false): Promise<void> {
    if (updates.length === 0) return;
    for (const { after } of updates) if (after !== undefined) await this.readCommit(after);
    const note = isPassing ? undefined : { who: identity("committer", this.#layout.git), reason };
    await moveRefs(this.#layout, updates, note);
  }

  async refLog(name: RefName | "HEAD"): Promise<readonly RefMove[]> {
    return readReflog(this.#layout.git, name);
  }

  async head(): Promise<RefName> {
    const value = readLooseRef(this.#layout.git, "HEAD");
    if (value !== undefined && "symbolic" in value) return value.symbolic;
    throw new VarveError("STORE_DAMAGED", "Cannot read HEAD: it names no branch", {
      path: path.join(this.#layout.git, "HEAD"),
      hint: "Run `git symbolic-ref HEAD refs/heads/main` in the store's git directory, with the branch that you want.",
    });
  }

  async setHead(branch: RefName): Promise<void> {
    const { git } = this.#layout;
    parseRefName(branch);
    try {
      const before = await this.head();
      const lock = await lockFile(this.#layout, path.join(git, "HEAD"), `ref: ${branch}\n`);
      try {
        this.#logSwitch(before, branch);
        lock.replace();
        syncDirectory(git);
      } finally {
        lock.release();
      }
    } catch (error) {
      throw systemFailure(`make "${shortName(branch)}" the current branch`, error, git);
    }
  }

  /** With git's own words, which `git checkout -` and `git reflog` read. */
  #logSwitch(from: RefName, to: RefName): void {
    const { git } = this.#layout;
    const [before, after] = [readRefFile(git, from), readRefFile(git, to)] as [CommitId | undefined, CommitId | undefined];
    // Git has no line for a branch without commits.
    if (after === undefined) return;
    const reason = `checkout: moving from ${shortName(from)} to ${shortName(to)}`;
    appendReflog(git, "HEAD", { before, after, who: identity("committer", git), reason });
  }

  async author(): Promise<Signature> {
    return identity("author", this.#layout.git);
  }
}

/** A branch that is lost must not begin anew. @throws VarveError STORE_DAMAGED. */
function requireNeverStood(git: string, name: RefName): void {
  const last = lastLogged(git, name);
  if (last === undefined) return;
  const put = `git --git-dir=${git} update-ref ${name} ${last}`;
  throw new VarveError("STORE_DAMAGED", `Cannot read the ref "${name}": it is missing, though its log says where it stands`, {
    path: path.join(git, name),
    hint: `Put it back: ${put}\nIf it was removed on purpose by another program, remove its log, too: logs/${name}`,
  });
}

function safeSignature({ name, email, seconds, offsetMinutes }: Signature): Signature {
  return { name: safePersonPart(name), email: safePersonPart(email), seconds, offsetMinutes };
}

/** With SOURCE_DATE_EPOCH no time in what is made is later. */
function clamped(who: Signature): Signature {
  const latest = sourceDateEpoch();
  return latest === undefined || who.seconds <= latest ? who : { ...who, seconds: latest, offsetMinutes: 0 };
}

function foreignCommit(id: CommitId): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot read commit "${id}": its tree holds no ${commitFiles.LAYER_FILE}`, {
    hint: "It was made by git, not by varve. Point the branch or tag that leads to it at a commit of varve.",
  });
}
