import { VarveError } from "../../core/errors.js";
import { findPaths, type FoundPath, type PathEvent } from "../../core/operations/history/find-paths.js";
import { everyTip, headOf, type Target } from "../../core/operations/targets.js";
import type { CommitId, ContentDigest } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { nameMatcherOf } from "../path-words.js";
import { printablePath } from "../printable.js";
import { subject } from "../render/commit-text.js";
import { printJsonArray } from "../render/json-array.js";
import { jsonPath, shortId } from "../render/names.js";
import { readableBytes } from "../render/quantities.js";
import { textTable } from "../render/text-table.js";
import { isoTime, readableTime } from "../render/timestamps.js";
import { commitOf } from "../revision-words.js";
import type { Terminal } from "../terminal.js";

const options = {
  revision: {
    type: "string",
    value: "REV",
    describe: "Look through what led to REV, a revision or a container, in place of HEAD",
  },
  all: { type: "boolean", describe: "Look through every branch and tag, and HEAD" },
  content: { type: "string", value: "SHA256", describe: "Only files that held this content once" },
  long: { type: "boolean", alias: "l", describe: "Show each version of each path" },
} as const;

export const findCommand: Command = command(
  {
    name: "find",
    form: "GLOB… | --content SHA256",
    summary: "Look for paths in all versions of a history",
    description: `GLOB is a pattern in the syntax of the paths after "--", such as '*.conf' or 'etc/**/*.d'. Without a slash it is looked for in every
directory. Every path that ever stood in the history and matches is listed, with the commits that first brought and last
changed it, the number of its versions, and what it is since. Directories count as changed when their own mode or owner does.`,
    columns: [
      ["FIRST", "the commit that first brought it"],
      ["LAST", "the one that changed it last; with D before it: that deleted it"],
      ["VERSIONS", "how often it came, changed and went"],
      ["SIZE", "of its last version"],
      ["SHA-256", "of its content, the first digits"],
    ],
    words: [{ name: "GLOB", required: false, many: true }],
    rest: "paths",
    options,
    paged: true,
    examples: [
      ["varve find 'libssl*'", "in all directories, whenever"],
      ["varve find --all '/etc/**/*.conf'", "in the history of all branches and tags"],
      ["varve find -l hosts --revision web", "each version of a file in a container's history"],
      ["varve find --content $(sha256sum < file | cut -c1-64)", "where that content stood"],
    ],
    statuses: [
      ["1", "nothing was found"],
      ["20", "no such revision"],
    ],
  },
  async ({ words, rest, options: { revision, all, content, long }, session }) => {
    const globs = [...words, ...(rest ?? [])];
    const digest = content === undefined ? undefined : digestOf(content);
    if (globs.length === 0 && digest === undefined) throw globMissing();
    const { repository, tips, targets } = await historyOf(session, revision, all);
    const has = globs.length === 0 ? () => true : await nameMatcherOf(globs, repository, targets);
    const found = await findPaths(repository, { tips, has, content: digest });
    if (session.json) await printJsonArray(session.terminal, found.map(foundJson));
    else session.terminal.print(long ? found.map((path) => versionsText(path, session.terminal)).join("") : tableText(found));
    if (found.length === 0) session.terminal.say("No version of that history has such a path.");
    return found.length === 0 ? NOTHING_FOUND : 0;
  },
);

const NOTHING_FOUND = 1;

function globMissing(): VarveError {
  return new VarveError("USAGE", "Cannot run varve find: GLOB is missing", {
    hint: "The form is: varve find GLOB…, or varve find --content SHA256",
  });
}

function digestOf(text: string): ContentDigest {
  const digest = text.toLowerCase().replace(/^sha256:/, "");
  if (/^[0-9a-f]{64}$/.test(digest)) return digest as ContentDigest;
  throw new VarveError("USAGE", `Cannot read --content ${JSON.stringify(text)}: wanted a SHA-256 of 64 hex digits`, {
    hint: "See what sha256sum FILE prints.",
  });
}

interface SearchedHistory {
  readonly repository: Repository;
  readonly tips: readonly CommitId[];
  readonly targets: readonly Target[];
}

async function historyOf(session: Session, revision: string | undefined, all: boolean): Promise<SearchedHistory> {
  const found = revision === undefined ? undefined : await findWordTarget(session, revision);
  if (found !== undefined) {
    const { repository, target } = found;
    const tip = await commitOf(repository, "HEAD", (await headOf(repository, target)).branch);
    return { repository, tips: all ? [tip, ...(await everyTip(repository))] : [tip], targets: [target] };
  }
  const repository = await openRepository(session);
  const tips = all ? await everyTip(repository) : [];
  // A branch that has no commit yet must not hide the others.
  if (tips.length > 0 && revision === undefined) return { repository, tips, targets: [] };
  return { repository, tips: [await commitOf(repository, revision ?? "HEAD"), ...tips], targets: [] };
}

const SHOWN_DIGITS = 12;

function tableText(found: readonly FoundPath[]): string {
  if (found.length === 0) return "";
  const rows = found.map(({ path, events }) => {
    const [first, last] = [events[0]!, events.at(-1)!];
    const isGone = last.kind === "deleted";
    const size = sizeOf(lastVersion(events));
    return [
      shortId(first.commit.id),
      `${isGone ? "D " : "  "}${shortId(last.commit.id)}`,
      String(events.length),
      size === undefined ? "" : readableBytes(size),
      lastVersion(events)?.digest?.slice(0, SHOWN_DIGITS) ?? "",
      printablePath(path),
    ];
  });
  return textTable([["FIRST", "  LAST", "VERSIONS", "SIZE", "SHA-256", "PATH"], ...rows]);
}

function lastVersion(events: readonly PathEvent[]): PathEvent["version"] {
  return events.findLast(({ version }) => version !== undefined)?.version;
}

function sizeOf(version: PathEvent["version"]): number | undefined {
  return version?.entry.type === "file" ? version.entry.size : undefined;
}

const LETTERS = { added: "A", modified: "M", deleted: "D" } as const;
const STYLES = { added: "green", modified: "yellow", deleted: "red" } as const;

/** The newest first, as in log. */
function versionsText({ path, events }: FoundPath, { paint }: Terminal): string {
  const rows = events.toReversed().map(({ commit, kind, version }) => {
    const size = sizeOf(version);
    const facts = [
      size === undefined ? (version?.entry.type ?? "") : readableBytes(size),
      version?.digest?.slice(0, SHOWN_DIGITS) ?? "",
    ];
    const words = facts.filter((fact) => fact !== "").join("  ");
    const letter = paint(STYLES[kind], LETTERS[kind]);
    return `  ${letter}  ${paint("yellow", shortId(commit.id))}  ${readableTime(commit.author)}  ${subject(commit)}${words && `  ${paint("dim", words)}`}\n`;
  });
  return `${paint("bold", printablePath(path))}\n${rows.join("")}`;
}

function foundJson({ path, events }: FoundPath): Record<string, unknown> {
  return {
    ...jsonPath("path", path),
    first: events[0]!.commit.id,
    last: events.at(-1)!.commit.id,
    versions: events.map(({ commit, kind, version }) => ({
      commit: commit.id,
      time: isoTime(commit.author),
      change: LETTERS[kind],
      type: version?.entry.type ?? null,
      size: sizeOf(version) ?? null,
      sha256: version?.digest ?? null,
    })),
  };
}
