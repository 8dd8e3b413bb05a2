import { diffOutside, diffSides, diffTarget, type Difference, type DiffOptions } from "../../core/operations/diff-sides.js";
import { findTarget } from "../../core/operations/targets.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { DIFFERENT } from "../exit-status.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { belowWords, changeLine, changeSummary, nameStatusLine, statLines } from "../render/change-text.js";
import { foldRenames } from "../render/folded-changes.js";
import { packageJson, packageLine } from "../render/package-changes.js";
import { printPatch } from "../render/patch-text.js";
import { counted } from "../render/quantities.js";
import { packageChanges } from "../../core/packages/package-changes.js";
import { wholeNumberOf } from "../option-values.js";
import { printableLine, printablePath } from "../printable.js";
import { OutputClosed, type Terminal } from "../terminal.js";
import { printJsonArray } from "../render/json-array.js";
import { openSideAlone, openSides, sidesOfRange, type OpenedSides } from "../side-words.js";

/** As git's. */
const CONTEXT_LINES = 3;

const OPTIONS = {
  patch: { type: "boolean", alias: "p", describe: "Show the lines that differ, as git does: patch -p1 and git apply take it" },
  unified: { type: "string", alias: "U", value: "N", describe: "Show N lines around what differs (default: 3); implies --patch" },
  stat: { type: "boolean", describe: "Show sizes before and after, and the number of paths" },
  "name-only": { type: "boolean", describe: "Show the path alone" },
  "name-status": { type: "boolean", describe: "Show status and path alone, with a tab between them" },
  packages: { type: "boolean", describe: "Show packages that came, went or have another version: dpkg, apk, npm, pip" },
  semantic: { type: "boolean", describe: "Leave out what differs in its mtime alone, and tell how many paths do" },
  "find-copies-harder": {
    type: "boolean",
    describe: "Look for copies of unchanged files, too: reads the names of the whole tree",
  },
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
    options: OPTIONS,
    paged: true,
    examples: [
      ["varve diff web", "what the container web changed since its last commit"],
      ["varve diff main~2 main -- /etc", "two commits, below /etc"],
      ["varve diff -- '**/*.conf' '!etc/ssl'", "files by a pattern, without a directory"],
      ["varve diff --stat v1 @web", "from tag v1 to the container as it is now"],
    ],
    statuses: [["1", "with --exit-code or --quiet: something differs"]],
  },
  async ({ words, rest, options, session }) => {
    const { terminal } = session;
    const { semantic, "find-copies-harder": copiesOfAll } = options;
    const difference = await differenceOf(session, words, { rest: rest ?? [], options: { copiesOfAll, ignoreTimes: semantic } });
    try {
      const { changes, ignoredTimes, warnings } = difference;
      for (const warning of warnings) terminal.complain(`varve: warning: ${printableLine(warning)}\n`);
      try {
        await print(session, difference, options);
      } catch (error) {
        // The status says what differs, also to who has left the pager.
        if (!(error instanceof OutputClosed) || !terminal.interactive) throw error;
      }
      if (semantic) terminal.say(`${counted(ignoredTimes, "path")} with another mtime alone: ignored`);
      return (options["exit-code"] || options.quiet) && changes.length > 0 ? DIFFERENT : 0;
    } finally {
      difference.close();
    }
  },
);

async function differenceOf(
  session: Session,
  words: readonly string[],
  { rest, options }: { readonly rest: readonly string[]; readonly options: Omit<DiffOptions, "paths"> },
): Promise<Difference> {
  const [first, second] = words;
  if (first !== undefined && second === undefined) {
    const range = await sidesOfRange(session, first);
    if (range !== undefined) return differenceOfSides(range, rest, options);
    const found = await findWordTarget(session, first);
    if (found !== undefined) {
      const paths = await selectionOf(rest, found.repository, [found.target]);
      return diffTarget(found.repository, found.target, { ...options, paths });
    }
  }
  if (first !== undefined) {
    const sides = second === undefined ? await openSideAlone(session, first) : await openSides(session, first, second);
    return differenceOfSides(sides, rest, options);
  }
  const repository = await openRepository(session);
  return diffTarget(repository, findTarget(repository, undefined), { ...options, paths: await selectionOf(rest, repository) });
}

async function differenceOfSides(
  sides: OpenedSides,
  rest: readonly string[],
  options: Omit<DiffOptions, "paths">,
): Promise<Difference> {
  if ("readers" in sides) {
    const paths = await selectionOf(rest, { worktree: undefined });
    return diffOutside(sides.readers, sides.before, sides.after, { ...options, paths });
  }
  const { repository, before, after } = sides;
  return diffSides(repository, before, after, { ...options, paths: await selectionOf(rest, repository, [before, after]) });
}

async function print(session: Session, difference: Difference, options: OptionValues<typeof OPTIONS>): Promise<void> {
  if (options.packages) return printPackages(session, difference, options.quiet);
  if (session.json) return printJsonArray(session.terminal, difference.changes.map(changeJson));
  if (!options.quiet) await printDifference(session.terminal, difference, options);
}

async function printPackages({ terminal, json }: Session, { changes }: Difference, quiet: boolean): Promise<void> {
  const { packages, warnings } = await packageChanges(changes);
  for (const warning of warnings) terminal.complain(`varve: warning: ${printableLine(warning)}\n`);
  if (json) return printJsonArray(terminal, packages.map(packageJson));
  if (!quiet) terminal.print(packages.map((each) => `${packageLine(each, terminal.paint)}\n`).join(""));
}

type Form = Pick<OptionValues<typeof OPTIONS>, "patch" | "unified" | "stat" | "name-only" | "name-status">;

/** The form that is asked for last in this list, where several are. */
async function printDifference(terminal: Terminal, { changes }: Difference, form: Form): Promise<void> {
  const print = (lines: readonly string[]): void => terminal.print(lines.map((line) => `${line}\n`).join(""));
  if (form["name-only"]) print(changes.map(({ path }) => printablePath(path)));
  else if (form["name-status"]) print(changes.map(nameStatusLine));
  else if (form.patch || form.unified !== undefined) await printPatch(terminal, changes, contextOf(form.unified));
  else if (form.stat) print([...statLines(changes, terminal.paint), changeSummary(changes)]);
  else print(foldRenames(changes).map(({ change, below }) => changeLine(change, terminal.paint) + belowWords(below)));
}

function contextOf(lines: string | undefined): number {
  return lines === undefined ? CONTEXT_LINES : wholeNumberOf("-U", lines);
}
