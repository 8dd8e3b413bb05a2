import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import type { Commit, CommitDraft, Ref, Signature, Tag, TagDraft } from "../../core/model/commit.js";
import { parseCommitId, parseTagId, type CommitId, type RefName, type TagId } from "../../core/model/ids.js";
import type { History, RefMove, RefUpdate } from "../../core/ports/history.js";
import { parseRefName, shortName } from "../../core/revision/ref-names.js";

/** 2001-02-03T04:05:06Z; each commit and move is a second later, so that an order can be told. */
const FIRST_SECOND = 981_173_106;

/** A history without a disk, for tests of what stands above it. Commit ids are made up, but depend on all that a commit holds. */
export function memoryHistory(): History {
  return new MemoryHistory();
}

class MemoryHistory implements History {
  readonly #commits = new Map<CommitId, Commit>();
  readonly #refs = new Map<RefName, CommitId>();
  readonly #tags = new Map<TagId, Tag>();
  readonly #tagged = new Map<RefName, TagId>();
  readonly #upstreams = new Map<RefName, RefName>();
  readonly #logs = new Map<string, RefMove[]>();
  #head = "refs/heads/main" as RefName;
  #seconds = FIRST_SECOND;

  async readCommit(id: CommitId): Promise<Commit> {
    const commit = this.#commits.get(id);
    if (commit !== undefined) return commit;
    throw new VarveError("STORE_DAMAGED", `Cannot read commit "${id}": it is missing`);
  }

  async writeCommit(draft: CommitDraft): Promise<CommitId> {
    const committer = this.#person();
    const content = { ...draft, committer, message: draft.message.trimEnd(), config: draft.config, origin: draft.origin };
    const id = parseCommitId(createHash("sha1").update(JSON.stringify(content)).digest("hex"));
    this.#commits.set(id, { ...content, id });
    return id;
  }

  async findCommits(prefix: string, limit: number): Promise<readonly CommitId[]> {
    return [...this.#commits.keys()]
      .filter((id) => id.startsWith(prefix))
      .sort()
      .slice(0, limit);
  }

  async listRefs(prefix: string): Promise<readonly Ref[]> {
    const names = [...this.#refs.keys()].filter((name) => name.startsWith(prefix));
    names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return names.map((name) => ({ name, commit: this.#refs.get(name) as CommitId }));
  }

  async readRef(name: RefName): Promise<CommitId | undefined> {
    return this.#refs.get(name);
  }

  async readTag(name: RefName): Promise<Tag | undefined> {
    const id = this.#tagged.get(name);
    return id && this.#tags.get(id);
  }

  async readTagObject(id: TagId): Promise<Tag> {
    const tag = this.#tags.get(id);
    if (tag !== undefined) return tag;
    throw new VarveError("STORE_DAMAGED", `Cannot read tag "${id}": it is missing`);
  }

  async writeTag(draft: TagDraft): Promise<TagId> {
    const id = parseTagId(createHash("sha1").update(JSON.stringify(draft)).digest("hex"));
    this.#tags.set(id, { ...draft, id });
    return id;
  }

  async upstream(branch: RefName): Promise<RefName | undefined> {
    return this.#upstreams.get(branch);
  }

  async setUpstream(branch: RefName, upstream: RefName | undefined): Promise<void> {
    if (upstream === undefined) this.#upstreams.delete(branch);
    else this.#upstreams.set(branch, upstream);
  }

  async updateRefs(updates: readonly RefUpdate[], reason = "varve", isPassing = false): Promise<void> {
    for (const { name, before, after, beforeTag } of updates) {
      parseRefName(name);
      if (after !== undefined) await this.readCommit(after);
      if (this.#refs.get(name) !== before || this.#tagged.get(name) !== beforeTag)
        throw new VarveError("CONFLICT", `Cannot move "${shortName(name)}": it has moved meanwhile`);
      if (before === undefined && after !== undefined) this.#refuseFolder(name, updates);
    }
    const logs = new Map(
      updates.flatMap(({ from }) => (from === undefined ? [] : [[from, this.#logs.get(from) ?? []] as const])),
    );
    for (const update of updates) {
      if (update.from !== undefined) this.#logs.set(update.name, logs.get(update.from) ?? []);
      this.#move(update, reason, isPassing);
    }
  }

  #refuseFolder(name: RefName, updates: readonly RefUpdate[]): void {
    const gone = new Set(updates.filter(({ after }) => after === undefined).map((update) => update.name));
    const coming = updates.filter(({ after }) => after !== undefined).map((update) => update.name);
    const taken = [...this.#refs.keys(), ...coming].find(
      (ref) => !gone.has(ref) && (ref.startsWith(`${name}/`) || name.startsWith(`${ref}/`)),
    );
    if (taken !== undefined) throw new VarveError("NAME_TAKEN", `Cannot make "${shortName(name)}": "${shortName(taken)}" exists`);
  }

  #move({ name, before, after, afterTag }: RefUpdate, reason: string, isPassing: boolean): void {
    if (afterTag === undefined) this.#tagged.delete(name);
    else this.#tagged.set(name, afterTag);
    const move = { before, after, who: this.#person(), reason };
    if (name === this.#head && !isPassing) this.#log("HEAD", move);
    if (after === undefined) {
      this.#refs.delete(name);
      this.#logs.delete(name);
      return;
    }
    this.#refs.set(name, after);
    if (name.startsWith("refs/heads/") && !isPassing) this.#log(name, move);
  }

  #log(name: string, move: RefMove): void {
    this.#logs.set(name, [move, ...(this.#logs.get(name) ?? [])]);
  }

  async refLog(name: RefName | "HEAD"): Promise<readonly RefMove[]> {
    return this.#logs.get(name) ?? [];
  }

  async head(): Promise<RefName> {
    return this.#head;
  }

  async setHead(branch: RefName): Promise<void> {
    const [before, after] = [this.#refs.get(this.#head), this.#refs.get(parseRefName(branch))];
    const reason = `checkout: moving from ${shortName(this.#head)} to ${shortName(branch)}`;
    if (after !== undefined) this.#log("HEAD", { before, after, who: this.#person(), reason });
    this.#head = branch;
  }

  async author(): Promise<Signature> {
    return this.#person();
  }

  #person(): Signature {
    return { name: "Test", email: "test@example.org", seconds: this.#seconds++, offsetMinutes: 0 };
  }
}
