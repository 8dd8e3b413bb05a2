import { VarveError } from "../core/errors.js";
import { commitFilter } from "../core/history/commit-filter.js";
import type { Commit } from "../core/model/commit.js";
import { readReflogTime } from "../core/revision/reflog-time.js";
import { extendedOf, literalOf } from "../core/text/basic-pattern.js";
import { readMessagePattern, type MessageTest } from "../core/text/message-pattern.js";
import type { OptionValues } from "./command.js";

/** Options of log that keep some commits. */
export const FILTER_OPTIONS = {
  since: { type: "string", value: "TIME", describe: "Only commits from TIME on: 2.weeks.ago, yesterday, 2026-11-20" },
  until: { type: "string", value: "TIME", describe: "Only commits up to TIME" },
  author: { type: "string", array: true, value: "REGEX", describe: "Only commits whose author's name or address fits" },
  grep: { type: "string", array: true, value: "REGEX", describe: "Only commits whose message has a line that fits" },
  "ignore-case": { type: "boolean", alias: "i", describe: "Upper and lower case are the same to REGEX" },
  "extended-regexp": { type: "boolean", alias: "E", describe: "REGEX is an extended one: a|b, a+, (ab)?" },
  "fixed-strings": { type: "boolean", alias: "F", describe: "REGEX is plain text" },
  merges: { type: "boolean", describe: "Only merges" },
  "no-merges": { type: "boolean", describe: "No merges" },
} as const;

type FilterValues = OptionValues<typeof FILTER_OPTIONS>;

/** @returns `undefined` when all commits are wanted. @throws VarveError USAGE. */
export async function filterOf(options: FilterValues): Promise<((commit: Commit) => boolean) | undefined> {
  const { since, until, author, grep, merges } = options;
  const kind = exclusive(merges && ("only" as const), options["no-merges"] && ("none" as const));
  if (since === undefined && until === undefined && author.length + grep.length === 0 && kind === undefined) return undefined;
  return commitFilter({
    since: timeOf("--since", since),
    until: timeOf("--until", until),
    authors: await testsOf("--author", author, options),
    messages: await testsOf("--grep", grep, options),
    merges: kind,
  });
}

function exclusive<Kind>(one: Kind | false, other: Kind | false): Kind | undefined {
  if (one !== false && other !== false)
    throw new VarveError("USAGE", "Cannot combine --merges with --no-merges: no commit is both");
  return one || other || undefined;
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = readReflogTime(text, new Date());
  if (time !== undefined) return time;
  throw new VarveError("USAGE", `Cannot read ${option} ${JSON.stringify(text)}: it is no time`, {
    hint: "Times look like yesterday, 2.weeks.ago, noon, 2026-11-20 or 2026-11-20T10:00:00Z.",
  });
}

async function testsOf(option: string, patterns: readonly string[], options: FilterValues): Promise<readonly MessageTest[]> {
  return Promise.all(patterns.map(async (pattern) => testOf(option, pattern, options)));
}

async function testOf(option: string, pattern: string, options: FilterValues): Promise<MessageTest> {
  const isFixed = options["fixed-strings"];
  const extended = isFixed ? literalOf(pattern) : options["extended-regexp"] ? pattern : extendedOf(pattern);
  const test = await readMessagePattern(extended, { ignoreCase: options["ignore-case"] });
  if (typeof test !== "string") return test;
  throw new VarveError("USAGE", `Cannot read ${option} ${JSON.stringify(pattern)}: ${test}`, {
    hint: isFixed ? undefined : "With -F it is taken for plain text; with -E | + ? ( ) { } need no backslash.",
  });
}
