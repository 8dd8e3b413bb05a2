import { diffOutside, diffSides, diffTarget, type Difference, type DiffOptions } from "../../core/operations/diff-sides.js";
import { findTarget } from "../../core/operations/targets.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { DIFFERENT } from "../exit-status.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { belowWords, changeLine } from "../render/change-text.js";
import { FORM_OPTIONS, printDifference } from "../render/difference.js";
import { foldRenames } from "../render/folded-changes.js";
import { packageJson, packageLine } from "../render/package-changes.js";
import { counted } from "../render/quantities.js";
import type { Change } from "../../core/model/change.js";
import { packageChanges } from "../../core/packages/package-changes.js";
import { printableLine } from "../printable.js";
import { OutputClosed, type Terminal } from "../terminal.js";
import { printJsonArray } from "../render/json-array.js";
import { openSideAlone, openSides, sidesOfRange, WHAT_SIDES_ARE, type OpenedSides } from "../side-words.js";

const OPTIONS = {
  ...FORM_OPTIONS,
  packages: { type: "boolean", describe: "Show packages that came, went or have another version: dpkg, apk, npm, pip" },
  semantic: { type: "boolean", describe: "Leave out what differs in its mtime alone, and tell how many paths do, if any" },
  reverse: { type: "boolean", alias: "R", describe: "Swap the sides: show what would take B back to A" },
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
    description: `Without A and B: the tracked directory against its HEAD. A alone: a container against its HEAD, or A against the tracked
directory as it is now. A and B: from A to B; A..B is the same, A...B is from where the two parted to B, A^! what the commit A
changed. ${WHAT_SIDES_ARE} After -- stand paths, with what stands below them, or patterns. ${FROM_WHERE} Letters: A added, M
modified, D deleted, T of another type, R renamed, C copied, both found by content. In a patch, lines that begin with # tell what
patch and git apply can't: owners, xattrs, whole modes, directories, devices, binary contents. Nothing is kept of trees from outside.`,
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
      ["varve diff -p v1 web | patch -d DIR -p1", "lines, for another directory"],
      ["varve diff -R web", "what would take web back to its last commit"],
      ["varve diff base ./rootfs.tar.zst --semantic", "a commit and an archive, whatever their times"],
      ["varve diff ./image-old ./image-new --packages", "packages of two OCI layouts"],
    ],
    statuses: [
      ["1", "with --exit-code or --quiet: something differs"],
      ["20", "no such revision"],
      ["40-43", "a tree from outside is missing, changed meanwhile, unreadable or invalid"],
    ],
  },
  async ({ words, rest, options, session }) => {
    const { terminal } = session;
    const { semantic, reverse, "find-copies-harder": ofAll } = options;
    const copies = ofAll ? "of-all" : "of-changed";
    const compared = { copies, ignoreTimes: semantic, reverse } as const;
    const difference = await differenceOf(session, words, { rest: rest ?? [], options: compared });
    try {
      const { changes, ignoredTimes, warnings } = difference;
      for (const warning of warnings) terminal.complain(`varve: warning: ${printableLine(warning)}\n`);
      try {
        await print(session, difference, options);
      } catch (error) {
        // The status says what differs, also to who has left the pager.
        if (!(error instanceof OutputClosed) || !terminal.interactive) throw error;
      }
      if (ignoredTimes > 0) terminal.say(`${counted(ignoredTimes, "path")} with another mtime alone: ignored`);
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
  const { terminal } = session;
  if (!options.quiet) await printDifference(terminal, difference.changes, options, (changes) => changeLines(terminal, changes));
}

async function printPackages({ terminal, json }: Session, { changes }: Difference, quiet: boolean): Promise<void> {
  const { packages, warnings } = await packageChanges(changes);
  for (const warning of warnings) terminal.complain(`varve: warning: ${printableLine(warning)}\n`);
  if (json) return printJsonArray(terminal, packages.map(packageJson));
  if (!quiet) terminal.print(packages.map((each) => `${packageLine(each, terminal.paint)}\n`).join(""));
}

function changeLines({ paint }: Terminal, changes: readonly Change[]): string[] {
  return foldRenames(changes).map(({ change, below }) => changeLine(change, paint) + belowWords(below));
}
