import { diffSides, diffTarget, type Difference } from "../../core/operations/diff-sides.js";
import { parseSide } from "../../core/operations/sides.js";
import { findTarget } from "../../core/operations/targets.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { DIFFERENT } from "../exit-status.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { changeLine, changeSummary, nameStatusLine, statLines } from "../render/change-text.js";
import { printJsonArray } from "../render/json-array.js";
import { splitRangeWord } from "../revision-words.js";

const options = {
  stat: { type: "boolean", describe: "Show sizes before and after, and the number of paths" },
  "name-status": { type: "boolean", describe: "Show status and path alone, with a tab between them" },
  "exit-code": { type: "boolean", describe: "Exit with 1 when something differs" },
  quiet: { type: "boolean", alias: "q", describe: "Print nothing (but JSON), and exit as with --exit-code" },
} as const;

export const diffCommand: Command = command(
  {
    name: "diff",
    form: "[A] [B] [-- PATH…]",
    summary: "Show the paths that differ between two trees, and why",
    description: `Without A and B: the tracked directory against its HEAD. A alone: a container against its HEAD, or the tracked
directory against revision A. A and B: from A to B, where @ is the tracked directory as it is now, and
@NAME the container NAME. PATH is a path, with what stands below it, or a pattern. ${FROM_WHERE} Letters: A added, M modified, D deleted, T of another type, R renamed.`,
    words: [
      { name: "A", required: false },
      { name: "B", required: false },
    ],
    rest: "paths",
    options,
    examples: [
      ["varve diff web", "what the container web changed since its last commit"],
      ["varve diff main~2 main -- /etc", "two commits, below /etc"],
      ["varve diff -- '**/*.conf' '!etc/ssl'", "files by a pattern, without a directory"],
      ["varve diff --stat v1 @web", "from tag v1 to the container as it is now"],
    ],
    statuses: [["1", "with --exit-code or --quiet: something differs"]],
  },
  async ({ words, rest, options, session }) => {
    const difference = await differenceOf(session, words, rest ?? []);
    try {
      const { changes } = difference;
      if (session.json) await printJsonArray(session.terminal, changes.map(changeJson));
      else if (!options.quiet) session.terminal.print(diffText(session, difference, options));
      return (options["exit-code"] || options.quiet) && changes.length > 0 ? DIFFERENT : 0;
    } finally {
      difference.close();
    }
  },
);

async function differenceOf(session: Session, words: readonly string[], rest: readonly string[]): Promise<Difference> {
  const [first, second] = words.length === 1 ? (sidesOfRange(words[0] ?? "") ?? words) : words;
  if (first !== undefined && second === undefined) {
    const found = await findWordTarget(session, first);
    if (found !== undefined)
      return diffTarget(found.repository, found.target, { paths: await selectionOf(rest, found.repository, [found.target]) });
  }
  const repository = await openRepository(session);
  if (first === undefined) {
    return diffTarget(repository, findTarget(repository, undefined), { paths: await selectionOf(rest, repository) });
  }
  const before = await parseSide(repository, first);
  const after = await parseSide(repository, second ?? "@");
  return diffSides(repository, before, after, { paths: await selectionOf(rest, repository, [before, after]) });
}

function sidesOfRange(word: string): readonly string[] | undefined {
  const range = splitRangeWord(word);
  return range && [range.from, range.to];
}

function diffText(
  { terminal: { paint } }: Session,
  { changes }: Difference,
  form: Pick<OptionValues<typeof options>, "stat" | "name-status">,
): string {
  if (form["name-status"]) return changes.map((change) => `${nameStatusLine(change)}\n`).join("");
  if (!form.stat) return changes.map((change) => `${changeLine(change, paint)}\n`).join("");
  return [...statLines(changes, paint), changeSummary(changes)].map((line) => `${line}\n`).join("");
}
