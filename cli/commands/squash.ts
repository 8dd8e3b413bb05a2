import { VarveError } from "../../core/errors.js";
import type { Ref } from "../../core/model/commit.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import { planSquash, squashCommits, type SquashPlan, type SquashResult } from "../../core/operations/rewriting/squash-commits.js";
import type { Repository } from "../../core/ports/repository.js";
import { branchNamed, commitBefore, openBranch } from "../branch-words.js";
import { command, type Command, type Session } from "../command.js";
import { refuseEmptyMessage } from "../commit-message.js";
import { countOf } from "../option-values.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { subject } from "../render/commit-text.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { commitOf, splitRangeWord } from "../revision-words.js";

const FORM = "[TARGET] A..B | [TARGET] -n N [-m MSG]";

export const squashCommand: Command = command(
  {
    name: "squash",
    form: FORM,
    summary: "Make one commit of several",
    description: `Makes one commit of those after A up to B, or of the last N. What came and went between them is gone from it: a
file that was added and deleted again does not come back. The commits after B stay, on the new one, and all trees stay as they are:
directories and containers, running ones too, keep what is not committed. TARGET is a branch, or a container or tracked
directory that stands on one; by default the branch that B names, else HEAD's. Other branches and tags stay where they stand. A range
with merges in it can be squashed when all of it leads from A to B.`,
    words: [
      { name: "TARGET", required: false },
      { name: "A..B", required: false },
    ],
    options: {
      number: { type: "string", alias: "n", digits: true, value: "N", describe: "the last N commits" },
      message: {
        type: "string",
        alias: "m",
        value: "MSG",
        describe: "what the new commit is about (default: all their messages)",
      },
      "dry-run": { type: "boolean", describe: "only show what would become one commit" },
    },
    examples: [
      ["varve squash -n 3", "the last three commits of HEAD's branch"],
      ['varve squash v1..v2 -m "second release"', "all between two tags; what came after v2 stays"],
      ["varve squash --dry-run v1..v2", "only show what that would make one commit of"],
      ["varve squash web -n 5", "the last five of the container web"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["37", "a merge or the like is in progress there"],
    ],
  },
  async ({ words, options: { number, message, "dry-run": dryRun }, session }) => {
    refuseEmptyMessage(message, "squash");
    const { repository, branch, ...range } = await rangeOf(session, words, number);
    const options = { ...range, message, command: session.typed };
    if (dryRun) return showPlan(session, await planSquash(repository, branch, options));
    const result = await squashCommits(repository, branch, options);
    if (session.json) printJson(session.terminal, result === undefined ? { squashed: null } : resultJson(result));
    else session.terminal.say(result === undefined ? NOTHING : resultText(result));
  },
);

interface Range {
  readonly repository: Repository;
  readonly branch: RefName;
  readonly from: CommitId | undefined;
  readonly to: CommitId;
}

async function rangeOf(session: Session, words: readonly string[], number: string | undefined): Promise<Range> {
  const form = { name: "squash", form: FORM };
  if (number !== undefined) {
    const count = countOf("-n", number);
    if (words[1] !== undefined) throw wordTooMany(form, words[1]);
    const { repository, head } = await openBranch(session, words[0]);
    const to = head.commit ?? (await commitOf(repository, "HEAD", head.branch));
    return { repository, branch: head.branch, from: await commitBefore(repository, to, count), to };
  }
  const word = words.at(-1);
  if (word === undefined) throw wordMissing(form, "A..B");
  const range = splitRangeWord(word);
  if (range === undefined || range.symmetric) throw noRange(word);
  const { repository, head } = await openBranch(session, words.length > 1 ? words[0] : undefined);
  const named = words.length > 1 ? undefined : await branchNamed(repository, range.to);
  const branch = named ?? head.branch;
  const [from, to] = [await commitOf(repository, range.from, branch), await commitOf(repository, range.to, branch)];
  return { repository, branch, from, to };
}

function noRange(word: string): VarveError {
  return new VarveError("USAGE", `Cannot squash "${word}": it is no range, wanted A..B or -n N`, {
    hint: "A..B are the commits after A up to B; B is HEAD when it is left out.",
  });
}

const NOTHING = "Nothing to squash: the range holds one commit. Give it another message with -m.";

function resultJson({ branch, before, after, squashed, commits, replayed, left }: SquashResult): Record<string, unknown> {
  return { branch: refText(branch), before, after, squashed, commits, replayed, left: leftJson(left) };
}

function leftJson(left: readonly Ref[]): readonly Record<string, unknown>[] {
  return left.map(({ name, commit }) => ({ ref: name, commit }));
}

function resultText({ branch, after, squashed, commits, replayed, left }: SquashResult): string {
  const onTop =
    replayed === 0
      ? ""
      : ` ${counted(replayed, "commit")} on it ${replayed === 1 ? "stays" : "stay"}: ${refText(branch)} is at ${shortId(after)}.`;
  const others = left.map(({ name, commit }) => `${refText(name)} stays at ${shortId(commit)}, of the history as it was.\n`);
  return `Squashed ${counted(commits, "commit")} into ${shortId(squashed)}.${onTop}\n${others.join("")}Take it back: varve undo`;
}

function showPlan({ terminal, json }: Session, plan: SquashPlan | undefined): void {
  if (json) return printJson(terminal, plan === undefined ? { squashed: null, dryRun: true } : planJson(plan));
  if (plan === undefined) return terminal.say(NOTHING);
  const { branch, range, replayed, left } = plan;
  terminal.print(range.map((commit) => `${shortId(commit.id)} ${subject(commit)}\n`).join(""));
  const onTop = replayed === 0 ? "" : `, ${counted(replayed, "commit")} on it would stay`;
  const others = left.map(({ name, commit }) => `${refText(name)} would stay at ${shortId(commit)}.\n`);
  terminal.say(
    `${counted(range.length, "commit")} of ${refText(branch)} would become one${onTop}.\n${others.join("")}Nothing was done, as asked.`,
  );
}

function planJson({ branch, before, range, replayed, message, left }: SquashPlan): Record<string, unknown> {
  const commits = range.map(({ id }) => id);
  return { branch: refText(branch), before, dryRun: true, commits, message, replayed, left: leftJson(left) };
}
