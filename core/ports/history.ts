import type { Commit, CommitDraft, Ref, Signature, Tag, TagDraft } from "../model/commit.js";
import type { CommitId, LayerId, RefName, TagId } from "../model/ids.js";

/** Commits and refs: a real git repository that `git` itself reads. */
export interface History {
  /** @throws VarveError STORE_DAMAGED when it is missing, or no commit of ours. */
  readCommit(id: CommitId): Promise<Commit>;

  /** The layers of a commit's chain, when they were remembered. */
  knownChain?(commit: CommitId): readonly LayerId[] | undefined;
  /** Keeps the layers of a long chain. A cache. @param extended A remembered commit on the way, which is forgotten. */
  rememberChain?(commit: CommitId, chain: readonly LayerId[], extended: CommitId | undefined): void;

  /** Durable once the promise resolves. The committer's time is now (SOURCE_DATE_EPOCH, when set, for both). */
  writeCommit(draft: CommitDraft): Promise<CommitId>;

  /** Commit ids that begin with `prefix` (4 to 40 hex digits), at most `limit`. */
  findCommits(prefix: string, limit: number): Promise<readonly CommitId[]>;

  /** Below `prefix` (such as `refs/heads/`), in byte order of name. */
  listRefs(prefix: string): Promise<readonly Ref[]>;

  /** Of an annotated tag, the commit that it is of. */
  readRef(name: RefName): Promise<CommitId | undefined>;

  /** The annotated tag that a ref names; `undefined` when it names a commit, or nothing. @throws VarveError STORE_DAMAGED. */
  readTag(name: RefName): Promise<Tag | undefined>;
  /** By its own id, whether or not a ref still names it. @throws VarveError STORE_DAMAGED. */
  readTagObject(id: TagId): Promise<Tag>;
  /** Durable once the promise resolves. No ref names it yet. @throws VarveError BAD_NAME for a message that git can't hold. */
  writeTag(draft: TagDraft): Promise<TagId>;

  /**
   * Moves refs, all or none, when each still is what `before` says (`undefined`: absent). `after: undefined` deletes.
   * The store's lock is held by the caller.
   *
   * @param reason For `git reflog`: one line, such as `commit: new kernel`.
   * @param isPassing For refs that go again with the command: without a log, and not forced to the disk. A power cut may take the move back.
   * @throws VarveError CONFLICT when one has moved meanwhile, NAME_TAKEN when one ref's name is a folder of another's, STORE_DAMAGED
   *   when `after` is no commit of ours, STORE_LOCKED when a git command is moving one.
   */
  updateRefs(updates: readonly RefUpdate[], reason?: string, isPassing?: boolean): Promise<void>;

  /**
   * Where a branch, or HEAD, has stood: newest first, so that entry N's `before` is where it stood N + 1 moves ago. Empty for
   * refs that have no log (tags, hidden ones) and for those that do not exist.
   */
  refLog(name: RefName | "HEAD"): Promise<readonly RefMove[]>;

  /** The branch that the tracked directory stands on, though it may have no commit yet. */
  head(): Promise<RefName>;
  setHead(branch: RefName): Promise<void>;

  /** The branch that a branch follows, as `git branch -vv` shows it; a ref below `refs/remotes/` for one of another repository. */
  upstream(branch: RefName): Promise<RefName | undefined>;
  /** Durable when it resolves. The store's lock is held by the caller. @param upstream Absent: none. @throws VarveError STORE_LOCKED. */
  setUpstream(branch: RefName, upstream: RefName | undefined): Promise<void>;

  /** Who commits: GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, else git's own configuration, else the system's user at its host. */
  author(): Promise<Signature>;
}

export interface RefUpdate {
  readonly name: RefName;
  readonly before: CommitId | undefined;
  readonly after: CommitId | undefined;
  /** The annotated tag that leads to the commit, where one does. */
  readonly beforeTag?: TagId | undefined;
  readonly afterTag?: TagId | undefined;
  /** A ref that is deleted in the same update, and whose log goes on here: it is renamed. */
  readonly from?: RefName | undefined;
}

/** One line of a ref's log. */
export interface RefMove {
  readonly before: CommitId | undefined;
  readonly after: CommitId | undefined;
  /** Who moved it, and when. */
  readonly who: Signature;
  readonly reason: string;
}
