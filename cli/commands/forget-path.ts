import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import { treePathText } from "../../core/model/paths.js";
import {
  forgetPaths,
  type ContentPlace,
  type ForgetResult,
  type ForgottenContent,
} from "../../core/operations/rewriting/forget-paths.js";
import type { MatchedPattern, PathPattern } from "../../core/operations/rewriting/match-patterns.js";
import type { ForgettingScope } from "../../core/operations/rewriting/plan-forgetting.js";
import type { RefName } from "../../core/model/ids.js";
import type { RefUpdate } from "../../core/ports/history.js";
import type { Repository } from "../../core/ports/repository.js";
import { branchRef, CACHED } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { wordMissing } from "../parse-words.js";
import { isPattern, isTakenAway, nameMatcherOf, placeOfWord } from "../path-words.js";
import { printableLine, printablePath } from "../printable.js";
import { printJson } from "../render/json-array.js";
import { jsonPath, refText, shortId } from "../render/names.js";
import { counted, readableBytes } from "../render/quantities.js";

const FORM = "PATH… (--all | -b BRANCH)";

export const forgetPathCommand: Command = command(
  {
    name: "forget-path",
    form: FORM,
    summary: "Take paths out of every commit that holds them",
    description: `Writes every commit anew that holds PATH, with what stands below it, and what comes from such a commit: with --all
of all branches, tags and containers, else of the branches named. PATH may be a pattern, as of "varve find": without a slash it is looked
for in every directory, and in all versions; what each matches is told. What is not committed in a container stays so. Containers that hold it
must not run. The tracked directory keeps its files, and the next commit takes them up again unless they are removed
or ignored. "varve undo" brings all back until "varve gc --now" has removed what held it, and proves that nothing
does any more. Messages and the operation log may still name it. Copies elsewhere, as in clones and exported archives, are not reached.`,
    words: [{ name: "PATH", required: false, many: true }],
    rest: "paths",
    options: {
      all: { type: "boolean", alias: "a", describe: "in all branches, tags and containers" },
      branch: {
        type: "string",
        alias: "b",
        array: true,
        value: "BRANCH",
        describe: "in this branch, and in containers on it; repeatable",
      },
      "dry-run": { type: "boolean", alias: "n", describe: "only tell what would be forgotten and written anew" },
    },
    examples: [
      ["varve forget-path etc/secret.key --all", "no commit has it any more"],
      ["varve forget-path etc/secret.key --all && varve gc --now --yes", "nor does any layer: what held it is removed"],
      ["varve forget-path '*.pem' --all -n", "which paths that would be, in all directories and versions"],
      ["varve forget-path var/cache -b main -n", "what it would do to one branch"],
    ],
    statuses: [
      ["22", "nothing has such a path, or matches such a pattern"],
      ["32", "a container that has it is running"],
      ["37", "a merge or the like is in progress"],
    ],
  },
  async ({ words, rest = [], options: { all, branch: names, "dry-run": dryRun }, session }) => {
    const branches = names.map(branchRef);
    if (words.length + rest.length === 0) throw wordMissing({ name: "forget-path", form: FORM }, "PATH");
    if (all === branches.length > 0) throw whichBranches(all);
    const repository = await openRepository(session);
    for (const branch of branches) await requireBranch(repository, branch);
    const wanted = await wantedOf([...words, ...rest], repository);
    const result = await forgetPaths(repository, {
      ...wanted,
      branches: all ? undefined : branches,
      command: session.typed,
      dryRun,
    });
    if (session.json) return printJson(session.terminal, resultJson(result, dryRun));
    for (const warning of warnings(result)) session.terminal.complain(`varve: warning: ${printableLine(warning)}\n`);
    if (dryRun) session.terminal.print(`${resultText(result, dryRun)}\n`);
    else session.terminal.say(resultText(result, dryRun));
  },
);

function whichBranches(all: boolean): VarveError {
  const state = all ? "both --all and --branch are given, wanted one" : "neither --all nor --branch is given";
  return new VarveError("USAGE", `Cannot forget a path: ${state}`, {
    hint: "History is written anew: --all does so for all branches, tags and containers, -b BRANCH for one branch. -n tells first what that would be.",
  });
}

async function requireBranch({ history }: Repository, branch: RefName): Promise<void> {
  if ((await history.readRef(branch)) !== undefined) return;
  throw new VarveError("REVISION_UNKNOWN", `Cannot find branch "${refText(branch)}": there is none of that name`, {
    hint: "`varve branch` lists them.",
  });
}

async function wantedOf(
  words: readonly string[],
  repository: Repository,
): Promise<Required<Pick<ForgettingScope, "places" | "patterns">>> {
  const patterns: PathPattern[] = [];
  for (const word of words.filter(isPattern)) {
    if (isTakenAway(word)) throw takesAway(word);
    patterns.push({ word, has: await nameMatcherOf([word], repository) });
  }
  const places = words.filter((word) => !isPattern(word)).map((word) => placeOfWord(word, repository));
  if (!places.includes("" as ByteString)) return { places, patterns };
  throw new VarveError("USAGE", "Cannot forget the whole tree: wanted a path below its root", {
    hint: "To remove a branch: varve branch -d NAME",
  });
}

function takesAway(word: string): VarveError {
  return new VarveError("USAGE", `Cannot forget "${word}": it takes away from other words, wanted paths and patterns to forget`, {
    hint: "A backslash in front makes it a name: '\\!name'.",
  });
}

function resultJson(result: ForgetResult, dryRun: boolean): Record<string, unknown> {
  const { matched, holding, rewritten, replaced, contents, refs, containers, live } = result;
  return {
    dryRun,
    matched: matched.map(({ word, paths }) => ({ pattern: word, paths: paths.map((path) => jsonPath("path", path)) })),
    ...{ holding, rewritten, replaced },
    contents: contents.map(({ digest, size, keptAt }) => ({
      ...{ digest, size },
      keptAt: keptAt === undefined ? null : { commit: keptAt.commit, ref: keptAt.ref ?? null, ...jsonPath("path", keptAt.path) },
    })),
    refs: refs.map(({ name, before, after }) => ({ ref: name, before, after: (dryRun ? undefined : after) ?? null })),
    containers,
    live: live.map((path) => jsonPath("path", path)),
  };
}

function resultText(result: ForgetResult, dryRun: boolean): string {
  const { matched, replaced, refs, containers } = result;
  const layers = `${counted(replaced.layers, "layer")} of ${readableBytes(replaced.bytes)}`;
  const what = dryRun ? `Would replace ${layers}.` : `Replaced ${layers}.`;
  const moves = refs.map((move) => moveText(move, dryRun));
  const moved = containers.map((name) => `container ${name} ${dryRun ? "would stand" : "stands"} on a tree without it`);
  const next = dryRun
    ? "Nothing is changed: this was a dry run."
    : "What held it is kept for undo: varve undo brings it back, varve gc --now removes it for good.";
  return [
    ...matched.flatMap((each) => matchedLines(each, dryRun)),
    ...commitLines(result, dryRun),
    what,
    ...[...moves, ...moved].map((line) => `  ${line}`),
    next,
  ].join("\n");
}

/** A dry run tells every path: it is what one decides by. */
function matchedLines({ word, paths }: MatchedPattern, dryRun: boolean): readonly string[] {
  const shown = dryRun ? paths : paths.slice(0, MOST_PATHS);
  const left = paths.length - shown.length;
  return [
    `"${printableLine(word)}" ${dryRun ? "matches" : "matched"} ${counted(paths.length, "path")}:`,
    ...shown.map((path) => `  ${printablePath(path)}`),
    ...(left === 0 ? [] : [`  and ${left.toLocaleString("en-US")} more`]),
  ];
}

const MOST_PATHS = 20;

function commitLines({ holding, rewritten, contents }: ForgetResult, dryRun: boolean): readonly string[] {
  const bytes = contents.reduce((sum, { size }) => sum + size, 0);
  const held = `${counted(holding, "commit")} ${dryRun ? (holding === 1 ? "holds" : "hold") : "held"} it: ${counted(contents.length, "content")}, ${readableBytes(bytes)}.`;
  const others = rewritten - holding;
  const why =
    others === 0 ? "" : `: ${counted(holding, "commit")} with it, and ${others} that come${others === 1 ? "s" : ""} after`;
  return [held, `${dryRun ? "Would write" : "Wrote"} ${counted(rewritten, "commit")} anew${why}.`];
}

/** A run that was cached has no commit any more: it is forgotten. */
function moveText({ name, before, after }: RefUpdate, dryRun: boolean): string {
  if (name.startsWith(CACHED)) return `${refText(name)} ${dryRun ? "would be" : "is"} forgotten`;
  return dryRun ? `${refText(name)} would move` : `${refText(name)}: ${shortId(before!)} is now ${shortId(after!)}`;
}

function warnings({ live, contents }: ForgetResult): readonly string[] {
  const still = live.map(
    (path) =>
      `the directory still has "${treePathText(path)}": the next commit takes it up again, unless it is removed or ignored`,
  );
  return [
    ...still,
    ...contents.flatMap(({ keptAt, ...content }) => (keptAt === undefined ? [] : [keptWarning(content, keptAt)])),
  ];
}

function keptWarning({ digest }: Pick<ForgottenContent, "digest">, { commit, ref, path }: ContentPlace): string {
  const where = ref === undefined ? `commit ${shortId(commit)}` : refText(ref);
  return `the content ${digest.slice(0, 12)} stays: "${treePathText(path)}" of ${where} holds it, too`;
}
