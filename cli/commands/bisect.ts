import { readFile } from "node:fs/promises";
import { VarveError } from "../../core/errors.js";
import { readImageConfig } from "../../core/image/read-image-config.js";
import { VERDICTS, type Judgement, type Verdict } from "../../core/bisect/bisect-state.js";
import { parseCommitId, type CommitId } from "../../core/model/ids.js";
import { runBisection, type BisectStep } from "../../core/operations/history/bisect-run.js";
import {
  judgeCommits,
  readBisection,
  resetBisection,
  startBisection,
  type BisectStatus,
} from "../../core/operations/history/bisect.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import {
  bisectionJson,
  candidateHelp,
  commitRow,
  judgementText,
  leftWords,
  stepWords,
  waitingWords,
} from "../render/bisection.js";
import { printJson, printJsonArray } from "../render/json-array.js";
import { shownCommit } from "../render/shown-commit.js";
import { commitOf } from "../revision-words.js";
import { runConfiguration, UNATTENDED_RUN_OPTIONS } from "../run-options.js";

const FORM = "[start [BAD [GOOD…]] | good|bad|skip [REV…] | run -- CMD… | log | replay FILE | reset]";
const NAMED_FORM = { name: "bisect", form: FORM };

/** All that could tell were skipped. */
const UNDECIDED = 1;

export const bisectCommand: Command = command(
  {
    name: "bisect",
    form: FORM,
    summary: "Find the commit that brought a change, by halving",
    description: `Between a commit that is bad and earlier ones that are good, "bisect" proposes the commit that halves what is left: 1,000
commits take 10 steps. Merges are followed. Where good and bad are on two lines, what both come from is to be tested first. "run" tries them itself: each step runs CMD isolated on a throw-away container of the
candidate, of which nothing stays. CMD says good by 0, bad by 1 to 127, can't be tested by 125; from 128 on it ends the bisection. By hand,
look at the candidate, then say good, bad or skip; without REV they are about the candidate. No directory or container is touched, and "varve
undo" takes back the last word, or a whole run. Without a word: where the bisection stands. "log" prints what was said, which "replay" says again.`,
    words: [
      { name: "start|good|bad|skip|run|log|replay|reset", required: false },
      { name: "REV", required: false, many: true },
    ],
    rest: "command after dashes",
    options: UNATTENDED_RUN_OPTIONS,
    examples: [
      ["varve bisect start main v1-fixes", "a good commit on another line: the merge base is tested first"],
      ["varve bisect start main v1.0", "main is bad, v1.0 was good"],
      ["varve bisect run -- sh -c 'nginx -t'", "find the first commit on which that fails"],
      ["varve bisect run -v ./check.sh:/check.sh:ro -- sh /check.sh", "with a script of this machine"],
      ["varve bisect good", "by hand: the candidate is good; show the next"],
      ["varve bisect reset", "done"],
    ],
    statuses: [
      ["1", "all commits that could tell were skipped"],
      ["37", "start: a bisection is in progress"],
      ["38", "none is in progress"],
      ["39", "good and bad contradict each other, such as swapped ones"],
      ["60", "CMD ended with 128 or more, or is not found on a good commit either"],
      ["62", "what good and bad come from is bad, too: it was mended on the good side"],
    ],
  },
  async ({ words: [word, ...revisions], rest, options, session }) => {
    const repository = await openRepository(session);
    if (rest !== undefined && word !== "run") throw wordTooMany(NAMED_FORM, "--");
    switch (word) {
      case undefined:
        return report(repository, session, await readBisection(repository));
      case "start":
        return report(repository, session, await start(repository, revisions, session));
      case "good":
      case "bad":
      case "skip":
        return report(repository, session, await judge(repository, word, revisions, session));
      case "run":
        return run(repository, rest ?? revisions, options, session);
      case "log":
        refuseWords(revisions);
        return printLog(repository, session);
      case "replay":
        return report(repository, session, await replay(repository, revisions, session));
      case "reset":
        refuseWords(revisions);
        return reset(repository, session);
      default:
        throw new VarveError("USAGE", `Cannot run "varve bisect ${word}": bisect has no such word`, {
          hint: `The form is: varve bisect ${FORM}`,
        });
    }
  },
);

function refuseWords([extra]: readonly string[]): void {
  if (extra !== undefined) throw wordTooMany(NAMED_FORM, extra);
}

async function start(repository: Repository, revisions: readonly string[], { typed }: Session): Promise<BisectStatus> {
  const [bad, ...good] = await commitsOf(repository, revisions);
  const judgements: Judgement[] = good.map((commit) => ({ verdict: "good", commit }));
  if (bad !== undefined) judgements.unshift({ verdict: "bad", commit: bad });
  return startBisection(repository, { judgements, command: typed });
}

async function judge(
  repository: Repository,
  verdict: Verdict,
  revisions: readonly string[],
  { typed }: Session,
): Promise<BisectStatus> {
  if (verdict === "bad" && revisions[1] !== undefined) throw wordTooMany(NAMED_FORM, revisions[1]);
  return judgeCommits(repository, { verdict, commits: await commitsOf(repository, revisions), command: typed });
}

async function commitsOf(repository: Repository, revisions: readonly string[]): Promise<CommitId[]> {
  const commits: CommitId[] = [];
  for (const revision of revisions) commits.push(await commitOf(repository, revision));
  return commits;
}

async function run(
  repository: Repository,
  process_: readonly string[],
  given: OptionValues<typeof UNATTENDED_RUN_OPTIONS>,
  session: Session,
): Promise<number> {
  if (process_.length === 0) throw wordMissing(NAMED_FORM, "CMD");
  const { terminal, typed } = session;
  const { status, steps } = await runBisection(repository, {
    command: typed,
    configuration: (name, config) =>
      runConfiguration(
        { ...given, interactive: false, tty: false },
        { name, command: process_, environment: process.env, image: readImageConfig(config) },
      ),
    before: async (candidate, number) => {
      const commit = await repository.history.readCommit(candidate.commit);
      terminal.say(`Step ${number}: ${commitRow(commit).trimEnd()} (${leftWords(candidate)})`);
    },
    after: (step) => terminal.say(`  ${stepWords(step)}`),
  });
  return report(repository, session, status, steps);
}

/** @returns The exit status. */
async function report(
  repository: Repository,
  session: Session,
  status: BisectStatus,
  steps: readonly BisectStep[] = [],
): Promise<number> {
  const { terminal, json } = session;
  const { answer } = status;
  if (answer.kind === "found") {
    const shown = await shownCommit(repository, answer.commit, terminal.paint);
    if (json) printJson(terminal, bisectionJson(status, shown.json, steps));
    else terminal.print(`${answer.commit} is the first bad commit\n${shown.text}`);
    if (!json) terminal.say("Done with it: varve bisect reset");
    return 0;
  }
  if (json) printJson(terminal, bisectionJson(status, null, steps));
  else await reportOpen(repository, session, status);
  return answer.kind === "undecided" ? UNDECIDED : 0;
}

async function reportOpen({ history }: Repository, { terminal }: Session, { state, answer }: BisectStatus): Promise<void> {
  if (answer.kind === "candidate") {
    const first = answer.isMergeBase ? "a merge base must be tested first; then " : "";
    terminal.say(`Bisecting: ${first}${leftWords(answer)}.`);
    terminal.print(commitRow(await history.readCommit(answer.commit)));
    terminal.say(candidateHelp(answer.commit));
  } else if (answer.kind === "undecided") {
    terminal.say("All commits that could tell were skipped. The first bad commit is one of these:");
    for (const commit of answer.commits) terminal.print(commitRow(await history.readCommit(commit)));
  } else terminal.say(waitingWords(state));
}

async function printLog(repository: Repository, { terminal, json }: Session): Promise<number> {
  const { state } = await readBisection(repository);
  const rows: { judgement: Judgement; commit: Awaited<ReturnType<Repository["history"]["readCommit"]>> }[] = [];
  for (const judgement of state.judgements)
    rows.push({ judgement, commit: await repository.history.readCommit(judgement.commit) });
  if (json)
    await printJsonArray(
      terminal,
      rows.map(({ judgement, commit }) => ({ ...judgement, message: commit.message })),
    );
  else terminal.print(rows.map(({ judgement, commit }) => judgementText(judgement, commit)).join(""));
  return 0;
}

async function reset(repository: Repository, { terminal, json, typed }: Session): Promise<number> {
  await resetBisection(repository, { command: typed });
  if (json) printJson(terminal, { state: "none" });
  else terminal.say("The bisection is ended. Take it back: varve undo");
  return 0;
}

async function replay(repository: Repository, [file, extra]: readonly string[], { typed }: Session): Promise<BisectStatus> {
  if (file === undefined) throw wordMissing(NAMED_FORM, "FILE");
  if (extra !== undefined) throw wordTooMany(NAMED_FORM, extra);
  const judgements = judgementsIn(await readLog(file), file);
  for (const { commit } of judgements) await commitOf(repository, commit);
  return startBisection(repository, { judgements, command: typed });
}

async function readLog(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new VarveError("SOURCE_MISSING", `Cannot replay "${file}": it can't be read`, { path: file, cause: error });
  }
}

/** What `bisect log` prints; git's own words do, too. @throws VarveError SOURCE_INVALID. */
function judgementsIn(text: string, file: string): readonly Judgement[] {
  const lines = text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#") && !/^(varve|git) bisect start\b/.test(line));
  return lines.map((line) => {
    const [, verdict, commit] = /^(?:varve|git) bisect (\w+) '?([0-9a-f]{40})'?$/.exec(line.trim()) ?? [];
    const known = VERDICTS.find((each) => each === verdict);
    if (known !== undefined) return { verdict: known, commit: parseCommitId(commit) };
    throw new VarveError("SOURCE_INVALID", `Cannot replay a bisection: "${line.slice(0, 80)}" is no line of a log`, {
      path: file,
      hint: "`varve bisect log > FILE` writes one.",
    });
  });
}
