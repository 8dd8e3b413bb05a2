import { VarveError } from "../core/errors.js";
import { oldestFirst } from "../core/history/oldest-first.js";
import type { CommitId, RefName } from "../core/model/ids.js";
import { pickCommits } from "../core/operations/rewriting/pick-commits.js";
import { headOf } from "../core/operations/targets.js";
import type { Repository } from "../core/ports/repository.js";
import type { Invocation, OptionValues, Session, Word } from "./command.js";
import { findWordTarget, openTarget, type OpenedTarget } from "./open-target.js";
import { countOf } from "./option-values.js";
import { wordMissing } from "./parse-words.js";
import type { REPLAY_OPTIONS } from "./replay-options.js";
import { endReplay, favorOf, reportReplay } from "./replay-options.js";
import { commitOf, splitRangeWord } from "./revision-words.js";

/** What `cherry-pick` and `revert` have in common. */
export const PICK_FORM = "[TARGET] REV… | --continue | --skip | --abort";

export const PICK_WORDS: readonly Word[] = [{ name: "REV", required: false, many: true }];

export const MAINLINE_OPTION = {
  type: "string",
  alias: "m",
  value: "PARENT",
  describe: "for merges: which parent their changes are against, 1 for the first",
} as const;

type Given = OptionValues<typeof REPLAY_OPTIONS & { readonly mainline: typeof MAINLINE_OPTION }>;

interface PickInvocation extends Pick<Invocation, "words" | "session"> {
  readonly options: Given;
}

/** @param noted Messages tell which commit was picked. */
export async function pick(
  kind: "cherry-pick" | "revert",
  { words, options, session }: PickInvocation,
  noted = false,
): Promise<number> {
  const form = { name: kind, form: PICK_FORM };
  const ended = await endReplay(form, words, options, session);
  if (ended !== undefined) return ended;
  if (words.length === 0) throw wordMissing(form, "REV");
  const { opened, word, revisions } = await parse(session, words);
  if (revisions.length === 0) throw wordMissing(form, "REV");
  const { repository, target } = opened;
  const { branch } = await headOf(repository, target);
  const commits = await commitsOf(repository, revisions, branch, kind);
  const result = await pickCommits(repository, target, { kind, commits, noted, command: session.typed, ...policy(options) });
  return reportReplay(kind, result, { session, word, dryRun: options["dry-run"] });
}

function policy(options: Given) {
  const { mainline, "dry-run": dryRun } = options;
  return { mainline: mainline === undefined ? undefined : countOf("-m", mainline), favor: favorOf(options), dryRun };
}

interface Parsed {
  readonly opened: OpenedTarget;
  /** TARGET as it was typed. */
  readonly word: string | undefined;
  readonly revisions: readonly string[];
}

/** TARGET comes before the revisions, or after them. A word alone is a revision. */
async function parse(session: Session, words: readonly string[]): Promise<Parsed> {
  if (words.length > 1) {
    const [first, last] = [words[0] as string, words.at(-1) as string];
    const before = await findWordTarget(session, first);
    if (before !== undefined) return { opened: before, word: first, revisions: words.slice(1) };
    const after = await findWordTarget(session, last);
    if (after !== undefined) return { opened: after, word: last, revisions: words.slice(0, -1) };
  }
  return { opened: await openTarget(session, undefined), word: undefined, revisions: words };
}

/** In the order in which they are typed; ranges the oldest first, to be reverted the newest first. */
async function commitsOf(
  repository: Repository,
  revisions: readonly string[],
  head: RefName,
  kind: "cherry-pick" | "revert",
): Promise<readonly CommitId[]> {
  const commits: CommitId[] = [];
  for (const word of revisions) {
    const range = splitRangeWord(word);
    if (range === undefined) commits.push(await commitOf(repository, word, head));
    else if (range.symmetric) throw new VarveError("USAGE", `Cannot ${kind} "${word}": it is no line of commits, wanted A..B`);
    else {
      const between = await commitsBetween(repository, range, head);
      commits.push(...(kind === "revert" ? between.toReversed() : between));
    }
  }
  if (commits.length > 0) return commits;
  throw new VarveError("USAGE", `Cannot ${kind} "${revisions.join(" ")}": there is no commit in it`);
}

async function commitsBetween(
  repository: Repository,
  { from, to }: { readonly from: string; readonly to: string },
  head: RefName,
): Promise<readonly CommitId[]> {
  const { history } = repository;
  const below = await oldestFirst(history, [await commitOf(repository, from, head)]);
  const commits = await oldestFirst(history, [await commitOf(repository, to, head)], new Set(below.map(({ id }) => id)));
  return commits.map(({ id }) => id);
}
