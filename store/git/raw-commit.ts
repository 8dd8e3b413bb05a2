import type { Signature } from "../../core/model/commit.js";
import type { CommitId } from "../../core/model/ids.js";

/** A commit object and the small files of its tree, before anything in them is believed. */
export interface RawCommit {
  /** Of the commit itself, when the id asked for was that of an annotated tag. */
  readonly id: CommitId;
  readonly parents: readonly CommitId[];
  readonly author: Signature;
  readonly committer: Signature;
  readonly message: string;
  /** Git's id of the file's content, by name. */
  readonly files: ReadonlyMap<string, string>;
}
