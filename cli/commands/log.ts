import { findTarget, headOf, type Target } from "../../core/operations/targets.js";
import { readLog, type LogEntry, type LogOptions } from "../../core/operations/read-log.js";
import type { RefName } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { countOf } from "../option-values.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget, type OpenedTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { logEntryJson } from "../render/commit-json.js";
import { commitLine, commitText } from "../render/commit-text.js";
import { printJsonArray } from "../render/json-array.js";
import { selectCommits } from "../../core/revision/select-commits.js";
import { commitOf, splitRangeWord } from "../revision-words.js";

const options = {
  number: { type: "string", alias: "n", digits: true, value: "N", describe: "Show at most N commits; also -N" },
  oneline: { type: "boolean", describe: "Show one line a commit" },
} as const;

export const logCommand: Command = command(
  {
    name: "log",
    form: "[REV…] [-- PATH…]",
    summary: "Show the commits that led to a revision, newest first",
    description: `REV is a branch, a tag, a commit id, a container, :/TEXT (the newest commit whose message fits), or a range: A..B is what B has and A
has not, A...B what one of them has and not both (default: HEAD, also for a side that is left out). Of several, the commits of
all are shown; ^REV leaves out what leads to REV. With PATH (a path or a pattern), only commits that changed it or something below it. ${FROM_WHERE} "varve history" is the same command.`,
    words: [{ name: "REV", required: false, many: true }],
    rest: "paths",
    options,
    examples: [
      ["varve log -3", "the last three commits"],
      ["varve log --oneline base..web", "what web added to base"],
      ["varve log --oneline web api ^base", "what two branches added to it"],
      ["varve log -- '**/*.service'", "what touched a service file"],
      ["varve log main -- /etc/passwd", "who changed that file"],
    ],
    statuses: [["20", "no such revision"]],
  },
  async ({ words, rest, options: { number, oneline }, session }) => {
    const limit = number === undefined ? undefined : countOf("-n", number);
    const { repository, range, head, targets = [] } = await rangeOf(session, words);
    const entries = readLog(repository, { ...range, limit, paths: await selectionOf(rest, repository, targets) });
    if (session.json) return printJsonArray(session.terminal, mapEach(entries, logEntryJson));
    await printEntries(session, entries, head, oneline);
  },
);

interface Range {
  readonly repository: Repository;
  readonly range: Pick<LogOptions, "from" | "exclude">;
  /** The branch that is marked as HEAD. */
  readonly head: RefName | undefined;
  /** The container or tracked directory that was named. */
  readonly targets?: readonly Target[];
}

async function rangeOf(session: Session, words: readonly string[]): Promise<Range> {
  const [word] = words;
  const found = word === undefined || words.length > 1 ? undefined : await findLogTarget(session, word);
  if (found !== undefined) {
    const head = (await headOf(found.repository, found.target)).branch;
    const { repository, target } = found;
    return { repository, range: { from: await commitOf(repository, "HEAD", head) }, head, targets: [target] };
  }
  const repository = await openRepository(session);
  const head =
    repository.worktree === undefined ? undefined : (await headOf(repository, findTarget(repository, undefined))).branch;
  const { include, exclude } = await selectCommits(repository.history, words);
  return { repository, range: { from: include, exclude }, head };
}

/** A container or tracked directory, where the word is no range and the like. */
async function findLogTarget(session: Session, word: string): Promise<OpenedTarget | undefined> {
  return word.startsWith("^") || word.startsWith(":") || splitRangeWord(word) !== undefined
    ? undefined
    : findWordTarget(session, word);
}

async function printEntries(
  { terminal }: Session,
  entries: AsyncIterable<LogEntry>,
  head: RefName | undefined,
  oneline: boolean,
): Promise<void> {
  let separator = "";
  for await (const entry of entries) {
    terminal.print(oneline ? commitLine(entry, head, terminal.paint) : separator + commitText(entry, head, terminal.paint));
    separator = "\n";
  }
}

async function* mapEach<From, To>(items: AsyncIterable<From>, convert: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield convert(item);
}
