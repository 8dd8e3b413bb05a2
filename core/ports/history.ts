import type { Commit, CommitDraft, Ref, Signature } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";

/** Commits and refs: a real git repository that `git` itself reads. */
export interface History {
  /** @throws VarveError STORE_DAMAGED when it is missing, or no commit of ours. */
  readCommit(id: CommitId): Promise<Commit>;

  /** Durable once the promise resolves. The committer's time is now (SOURCE_DATE_EPOCH, when set, for both). */
  writeCommit(draft: CommitDraft): Promise<CommitId>;

  /** Commit ids that begin with `prefix` (4 to 40 hex digits), at most `limit`. */
  findCommits(prefix: string, limit: number): Promise<readonly CommitId[]>;

  /** Below `prefix` (such as `refs/heads/`), in byte order of name. */
  listRefs(prefix: string): Promise<readonly Ref[]>;

  readRef(name: RefName): Promise<CommitId | undefined>;

  /**
   * Moves refs, all or none, when each still is what `before` says (`undefined`: absent). `after: undefined` deletes.
   * @throws VarveError CONFLICT when one has moved meanwhile.
   */
  updateRefs(updates: readonly RefUpdate[]): Promise<void>;

  /** The branch that the tracked directory stands on, though it may have no commit yet. */
  head(): Promise<RefName>;
  setHead(branch: RefName): Promise<void>;

  /** Who commits: GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, else git's own configuration, else the system's user at its host. */
  author(): Promise<Signature>;
}

export interface RefUpdate {
  readonly name: RefName;
  readonly before: CommitId | undefined;
  readonly after: CommitId | undefined;
}
