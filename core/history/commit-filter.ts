import type { Commit } from "../model/commit.js";
import type { MessageTest } from "../text/message-pattern.js";

/** What commits are kept: those of which all of it is true. */
export interface CommitFilter {
  /** Seconds since 1970, by the committer's clock, as in git. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** One of them fits `Name <address>` of the author. None: any author. */
  readonly authors?: readonly MessageTest[];
  /** One of them fits the message. None: any message. */
  readonly messages?: readonly MessageTest[];
  /** Of more than one parent, or of fewer. */
  readonly merges?: "only" | "none" | undefined;
}

export function commitFilter(filter: CommitFilter): (commit: Commit) => boolean {
  const { since = -Infinity, until = Infinity, authors = [], messages = [], merges } = filter;
  const fitsOne = (tests: readonly MessageTest[], text: string): boolean =>
    tests.length === 0 || tests.some((fits) => fits(text));
  return ({ committer, author, message, parents }) => {
    if (committer.seconds < since || committer.seconds > until) return false;
    if (merges !== undefined && parents.length > 1 !== (merges === "only")) return false;
    return fitsOne(authors, `${author.name} <${author.email}>`) && fitsOne(messages, message);
  };
}
