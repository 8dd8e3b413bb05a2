import { VarveError } from "../../core/errors.js";
import { everyTip, findTarget, headOf, type Target } from "../../core/operations/targets.js";
import { diffSides, type Difference } from "../../core/operations/diff-sides.js";
import { readLog, type LogEntry, type LogOptions } from "../../core/operations/history/read-log.js";
import type { RefName } from "../../core/model/ids.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { selectPlaces, type PathSelection } from "../../core/paths/path-selection.js";
import type { Repository } from "../../core/ports/repository.js";
import { selectCommits } from "../../core/revision/select-commits.js";
import { command, type Command, type Session } from "../command.js";
import { FILTER_OPTIONS, filterOf } from "../commit-filter-options.js";
import { countOf } from "../option-values.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget, type OpenedTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { FORM_OPTIONS, isFormAsked, printDifference, type Form } from "../render/difference.js";
import { logEntryJson } from "../render/commit-json.js";
import { commitLine, commitText } from "../render/commit-text.js";
import { HistoryGraph } from "../render/history-graph.js";
import { withMargin } from "../render/margin.js";
import { printJsonArray } from "../render/json-array.js";
import { counted } from "../render/quantities.js";
import { commitOf, splitRangeWord } from "../revision-words.js";
import type { Terminal } from "../terminal.js";

const options = {
  number: { type: "string", alias: "n", digits: true, value: "N", describe: "Show at most N commits; also -N" },
  oneline: { type: "boolean", describe: "Show one line a commit" },
  graph: { type: "boolean", describe: "Draw lines from commits to their parents" },
  all: { type: "boolean", describe: "Begin at every branch and tag, and HEAD" },
  "first-parent": { type: "boolean", describe: "Of merges, follow the branch that they were made on" },
  follow: { type: "boolean", describe: "Follow one file to the names that it had before, as long as its content was the same" },
  reverse: { type: "boolean", describe: "Show the oldest first; with -n, of the newest N" },
  ...FORM_OPTIONS,
  ...FILTER_OPTIONS,
} as const;

export const logCommand: Command = command(
  {
    name: "log",
    form: "[REV…] [-- PATH…]",
    summary: "Show the commits that led to a revision, newest first",
    description: `REV is a branch, a tag, a commit id, a container, :/TEXT (the newest commit whose message fits), or a range: A..B is what B has and A
has not, A...B what one of them has and not both (default: HEAD, also for a side that is left out). Of several, the commits of
all are shown; ^REV leaves out what leads to REV. With PATH (a path or a pattern), only commits that changed it or something below it. ${FROM_WHERE} A commit made by a run also tells its
command, exit code and duration. --grep and --author take regular expressions as git does, and may be given more than once: one of
them must fit. With --follow PATH is one file, and needs no "--". -p and its like show after each commit what it changed against its
first parent. "varve history" is the same command.`,
    words: [{ name: "REV", required: false, many: true }],
    rest: "paths",
    options,
    paged: true,
    examples: [
      ["varve log -3", "the last three commits"],
      ["varve log --graph --oneline --all", "all branches, drawn"],
      ["varve log --since 2.weeks.ago --grep 'kernel' -i", "what was said of the kernel of late"],
      ["varve log --oneline base..web", "what web added to base"],
      ["varve log --oneline web api ^base", "what two branches added to it"],
      ["varve log -- '**/*.service'", "what touched a service file"],
      ["varve log main -- /etc/passwd", "who changed that file"],
      ["varve log -p -- /etc/passwd", "and what of it"],
      ["varve log --follow --name-status etc/passwd", "where it came from, too, when it was moved"],
      ["varve log --graph -p main", "lines that changed, beside the graph"],
    ],
    statuses: [["20", "no such revision"]],
  },
  async ({ words, rest, options: values, session }) => {
    const { number, oneline, graph, all, reverse } = values;
    const [revisions, places] = values.follow && rest === undefined ? [words.slice(0, -1), words.slice(-1)] : [words, rest];
    const isShown = isFormAsked(values);
    const limit = number === undefined ? undefined : countOf("-n", number);
    if (graph && (reverse || session.json)) throw notDrawn(reverse ? "--reverse" : "--json");
    const has = await filterOf(values);
    const { repository, range, head, targets = [] } = await rangeOf(session, revisions, all);
    const paths = await selectionOf(places, repository, targets);
    const order = graph ? "graph" : "date";
    const which = values.follow ? { follow: followed(paths) } : { paths };
    const entries = readLog(repository, { ...range, ...which, limit, has, order, reverse, firstParent: values["first-parent"] });
    if (session.json) {
      const json = async (entry: LogEntry): Promise<unknown> =>
        isShown ? { ...logEntryJson(entry), changes: await changesJson(repository, entry, paths) } : logEntryJson(entry);
      return printJsonArray(session.terminal, mapEach(entries, json));
    }
    const after = isShown
      ? (entry: LogEntry, terminal: Terminal) => showChanges(terminal, repository, entry, { form: values, paths, oneline })
      : undefined;
    await printEntries(session, entries, head, { oneline, graph, after });
  },
);

function notDrawn(option: string): VarveError {
  return new VarveError("USAGE", `Cannot combine --graph with ${option}: the graph is drawn for people, from top to bottom`, {
    hint: option === "--json" ? "The key parents tells the same." : undefined,
  });
}

/** @throws VarveError USAGE for anything but one path. */
function followed({ places }: PathSelection): ByteString {
  const [place, ...others] = places ?? [];
  if (place !== undefined && place !== "" && others.length === 0) return place;
  const state =
    place === ""
      ? "it is the whole tree"
      : places === undefined
        ? "a pattern is given"
        : `${counted(places.length, "path")} given`;
  throw new VarveError("USAGE", `Cannot follow a path: ${state}, wanted one file`, {
    hint: "The form is: varve log --follow [REV…] -- PATH",
  });
}

interface Range {
  readonly repository: Repository;
  readonly range: Pick<LogOptions, "from" | "exclude">;
  /** The branch that is marked as HEAD. */
  readonly head: RefName | undefined;
  /** The container or tracked directory that was named. */
  readonly targets?: readonly Target[];
}

async function rangeOf(session: Session, words: readonly string[], all: boolean): Promise<Range> {
  const [word] = words;
  const found = word === undefined || words.length > 1 ? undefined : await findLogTarget(session, word);
  if (found !== undefined) {
    const head = (await headOf(found.repository, found.target)).branch;
    const { repository, target } = found;
    const from = [await commitOf(repository, "HEAD", head), ...(all ? await everyTip(repository) : [])];
    return { repository, range: { from }, head, targets: [target] };
  }
  const repository = await openRepository(session);
  const head =
    repository.worktree === undefined ? undefined : (await headOf(repository, findTarget(repository, undefined))).branch;
  const tips = all ? await everyTip(repository) : [];
  // A branch that has no commit yet must not hide the others.
  if (tips.length > 0 && words.length === 0) return { repository, range: { from: tips }, head };
  const { include, exclude } = await selectCommits(repository.history, words);
  return { repository, range: { from: [...tips, ...include], exclude }, head };
}

/** A container or tracked directory, where the word is no range and the like. */
async function findLogTarget(session: Session, word: string): Promise<OpenedTarget | undefined> {
  return word.startsWith("^") || word.startsWith(":") || splitRangeWord(word) !== undefined
    ? undefined
    : findWordTarget(session, word);
}

interface EntryForm {
  readonly oneline: boolean;
  readonly graph: boolean;
  /** What follows each. */
  readonly after: ((entry: LogEntry, terminal: Terminal) => Promise<void>) | undefined;
}

/** What a commit changed against its first parent. A file that is followed has a name of its own in each. */
async function changesOf(repository: Repository, { commit, names }: LogEntry, selected: PathSelection): Promise<Difference> {
  const paths = names === undefined ? selected : selectPlaces(names);
  return diffSides(repository, { kind: "commit", commit: commit.parents[0] }, { kind: "commit", commit: commit.id }, { paths });
}

async function changesJson(repository: Repository, entry: LogEntry, paths: PathSelection): Promise<unknown> {
  const { changes, close } = await changesOf(repository, entry, paths);
  close();
  return changes.map(changeJson);
}

async function showChanges(
  terminal: Terminal,
  repository: Repository,
  entry: LogEntry,
  { form, paths, oneline }: { readonly form: Form; readonly paths: PathSelection; readonly oneline: boolean },
): Promise<void> {
  const { changes, close } = await changesOf(repository, entry, paths);
  try {
    if (changes.length === 0) return;
    if (!oneline) terminal.print("\n");
    await printDifference(terminal, changes, form, () => []);
  } finally {
    close();
  }
}

async function printEntries(
  { terminal }: Session,
  entries: AsyncIterable<LogEntry>,
  head: RefName | undefined,
  { oneline, graph, after }: EntryForm,
): Promise<void> {
  const lines = graph ? new HistoryGraph(terminal.paint) : undefined;
  let isFirst = true;
  for await (const entry of entries) {
    const isApart = !oneline && !isFirst;
    const text = oneline ? commitLine(entry, head, terminal.paint) : commitText(entry, head, terminal.paint);
    const node = { id: entry.commit.id, parents: entry.graphParents ?? [] };
    terminal.print(lines?.draw(node, text.trimEnd().split("\n"), isApart) ?? (isApart ? `\n${text}` : text));
    await after?.(entry, lines === undefined ? terminal : withMargin(terminal, lines.margin));
    isFirst = false;
  }
}

async function* mapEach<From, To>(items: AsyncIterable<From>, convert: (item: From) => Promise<To>): AsyncGenerator<To> {
  for await (const item of items) yield await convert(item);
}
