import { mergeBases } from "../history/merge-base.js";
import type { CommitId } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { splitRange } from "./parse-revision.js";
import { resolveRevision, type RevisionContext } from "./resolve-revision.js";

/** Commits that one of `include` is or comes from, without those that one of `exclude` is or comes from. */
export interface CommitSelection {
  readonly include: readonly CommitId[];
  readonly exclude: readonly CommitId[];
}

/** `A^@`: A's parents; `A^!`: A without them; `A^-N`: what A has and its Nth parent has not. */
const PARENTS = /^(.+)\^(@|!|-\d*)$/s;

/**
 * What words of git select from a history: `A`, `^B` (not what leads to B), `A..B`, `A...B` (what one of the two has), `A^@`, `A^!`, `A^-`. Words that
 * include nothing, such as `^v1`, are about HEAD.
 *
 * @throws VarveError REVISION_UNKNOWN, REVISION_AMBIGUOUS, USAGE for a live state.
 */
export async function selectCommits(
  history: History,
  words: readonly string[],
  context: RevisionContext = {},
): Promise<CommitSelection> {
  const include: CommitId[] = [];
  const exclude: CommitId[] = [];
  for (const word of words) {
    const isTakenAway = word.startsWith("^");
    const selected = await selectWord(history, isTakenAway ? word.slice(1) : word, context);
    (isTakenAway ? exclude : include).push(...selected.include);
    (isTakenAway ? include : exclude).push(...selected.exclude);
  }
  if (include.length === 0 && !words.some(isAboutParents)) include.push(await resolveRevision(history, "HEAD", context));
  return { include, exclude };
}

/** A first commit has no parents: that selects nothing, and is not about HEAD. */
function isAboutParents(word: string): boolean {
  return PARENTS.test(word);
}

async function selectWord(history: History, word: string, context: RevisionContext): Promise<CommitSelection> {
  const range = splitRange(word);
  if (range !== undefined) {
    const [from, to] = [await resolveRevision(history, range.from, context), await resolveRevision(history, range.to, context)];
    if (!range.symmetric) return { include: [to], exclude: [from] };
    return { include: [from, to], exclude: await mergeBases(history, from, to) };
  }
  const [, revision, kind] = PARENTS.exec(word) ?? [];
  if (revision === undefined || kind === undefined)
    return { include: [await resolveRevision(history, word, context)], exclude: [] };
  const commit = await resolveRevision(history, revision, context);
  const { parents } = await history.readCommit(commit);
  if (kind === "@") return { include: parents, exclude: [] };
  if (kind === "!") return { include: [commit], exclude: parents };
  return { include: [commit], exclude: [await resolveRevision(history, `${commit}^${kind.slice(1)}`)] };
}
