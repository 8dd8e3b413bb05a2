import { VarveError } from "../../core/errors.js";
import type { RefName } from "../../core/model/ids.js";
import type { PathSelection } from "../../core/paths/path-selection.js";
import { parseSide, type Side } from "../../core/operations/sides.js";
import {
  chosenChanges,
  requireApplicableSide,
  requireKeepable,
  tryCommand,
  type Trial,
  type TryDecision,
  type TryResult,
} from "../../core/operations/try-command.js";
import type { Repository } from "../../core/ports/repository.js";
import { BRANCHES, branchRef, isShortName } from "../../core/revision/ref-names.js";
import { ask, canAsk } from "../ask.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { refuseEmptyMessage } from "../commit-message.js";
import { openRepository } from "../open-repository.js";
import { wordMissing } from "../parse-words.js";
import { FROM_WHERE, selectionOf, type WordSelection } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { changeLine, changeSummary } from "../render/change-text.js";
import { commitResultJson } from "../render/commit-json.js";
import { commitReport } from "../render/commit-text.js";
import { printJson } from "../render/json-array.js";
import { shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { requireTerminal, RUN_OPTIONS, runConfiguration } from "../run-options.js";
import { shellLine } from "../shell-line.js";
import { verifier, VERIFY_OPTION } from "../verify-option.js";

const options = {
  keep: { type: "boolean", describe: "Keep the changes as a commit on --branch" },
  apply: { type: "boolean", describe: "Apply the changes to the directory or container that REV names" },
  discard: { type: "boolean", describe: "Discard the changes" },
  yes: { type: "boolean", alias: "y", describe: "Ask nothing: --apply for @ and @NAME, --keep for a commit" },
  no: { type: "boolean", alias: "n", describe: "Ask nothing: --discard" },
  pick: { type: "string", array: true, value: "PATTERN", describe: "Keep or apply only changes below such paths" },
  "keep-failed": { type: "boolean", describe: "Let the changes of a CMD that failed be kept or applied, too" },
  branch: {
    type: "string",
    alias: "b",
    value: "BRANCH",
    describe: "The branch to keep changes on (default: REV, when it is a branch)",
  },
  message: { type: "string", alias: "m", value: "MSG", describe: "Message of the commit (default: CMD)" },
  ...VERIFY_OPTION,
  ...RUN_OPTIONS,
} as const;

const NAMED_FORM = { name: "try", form: "[options] REV -- CMD…" };
type Given = OptionValues<typeof options>;
type Choice = TryDecision["kind"];

export const tryCommandLine: Command = command(
  {
    ...NAMED_FORM,
    summary: "Run a command on a throw-away layer, then keep, apply or discard what it changed",
    description: `Runs CMD isolated over REV: a commit, @ (the tracked directory as it is, without what it ignores) or @NAME (a
container as it is). Then shows what CMD changed, and why, as "diff" does, and asks: keep it as a commit on a branch, apply it to that
directory or container, pick paths, or discard it. Until then nothing but the layer has changed, and the layer goes in any case. Without a
terminal and without an option that tells, the changes are discarded. So are those of a CMD that fails, unless --keep-failed is given. What
was applied or kept, "varve undo" takes back. PATTERN is a path or a pattern. ${FROM_WHERE}`,
    words: [{ name: "REV", required: true }],
    rest: "command after dashes",
    options,
    examples: [
      ["varve try base -- sh -c 'echo hello > /etc/motd'", "see what it does; answer what becomes of it"],
      ["varve try --yes -b next -m 'add git' base -- apk add git", "keep it on the branch next"],
      ["varve try --apply --pick etc @web -- dpkg-reconfigure tzdata", "take over what changed below /etc"],
      ["varve try --no @ -- make install", "only look"],
    ],
    statuses: [
      ["0-255", "that of CMD"],
      ["125", "varve itself failed, before or after CMD"],
      ["126", "CMD is no program that can be executed"],
      ["127", "CMD was not found"],
    ],
  },
  async ({ words: [revision = ""], rest = [], options: given, session }) => {
    if (rest.length === 0) throw wordMissing(NAMED_FORM, "CMD");
    requireTerminal(given.tty);
    refuseEmptyMessage(given.message, "run");
    const told = toldChoice(given);
    const repository = await openRepository(session);
    const side = await parseSide(repository, revision);
    const branch = branchOf(given, revision);
    const picked = given.pick.length === 0 ? undefined : await selectionOf(given.pick, repository, [side]);
    const choice = told === "yes" ? (side.kind === "live" ? "apply" : "keep") : told;
    if (choice === "apply") requireApplicableSide(side);
    if (choice === "keep") await requireKeepable(repository, side, branch ?? throwNoBranch());
    const questions = { repository, session, side, given, branch, picked, choice, line: shellLine(rest) };
    const configuration = (name: string): ReturnType<typeof runConfiguration> =>
      runConfiguration(given, { name, command: rest, environment: process.env });
    const verify = verifier(given.verify, repository, session);
    const result = await tryCommand(repository, { side, configuration, verify, command: session.typed }, (trial) =>
      decide(trial, questions),
    );
    report(session, result);
    return result.trial.result.exitCode;
  },
);

/** @throws VarveError USAGE for two that contradict each other. */
function toldChoice(given: Given): Choice | "yes" | undefined {
  const told = [
    ...(["keep", "apply", "discard", "yes"] as const).filter((each) => given[each]),
    ...(given.no ? (["discard"] as const) : []),
  ];
  const [first, second] = [...new Set(told)];
  if (second === undefined) return first;
  throw new VarveError("USAGE", `Cannot ${String(first)} and ${second} the changes: wanted one of --keep, --apply, --discard, --yes, --no`);
}

function branchOf({ branch }: Given, revision: string): RefName | undefined {
  if (branch !== undefined) return branchRef(branch);
  return isShortName(revision) ? (`${BRANCHES}${revision}` as RefName) : undefined;
}

interface Questions {
  readonly repository: Repository;
  readonly session: Session;
  readonly side: Side;
  readonly given: Given;
  readonly branch: RefName | undefined;
  readonly picked: WordSelection | undefined;
  readonly choice: Choice | undefined;
  /** The command, for messages. */
  readonly line: string;
}

async function decide(trial: Trial, questions: Questions): Promise<TryDecision> {
  const { session, given, choice, picked } = questions;
  const { terminal, json } = session;
  const { changes, result } = trial;
  if (!json) terminal.print(changes.map((change) => `${changeLine(change, terminal.paint)}\n`).join(""));
  if (!json) terminal.say(changes.length === 0 ? "The command changed nothing." : `${changeSummary(changes)}.`);
  if (changes.length === 0) return { kind: "discard" };
  if (result.exitCode !== 0 && !given["keep-failed"]) {
    if (choice !== "discard") terminal.say(`Discarded, since the command failed (exit ${result.exitCode}). --keep-failed keeps it.`);
    return { kind: "discard" };
  }
  if (choice !== undefined) return decisionOf(choice, questions, picked);
  if (await canAsk()) return askWhat(trial, questions);
  terminal.say("Discarded: there is no terminal to ask on. --keep, --apply, --yes or --no tell what is wanted.");
  return { kind: "discard" };
}

function decisionOf(choice: Choice, { branch, given, line }: Questions, paths: PathSelection | undefined): TryDecision {
  if (choice === "discard") return { kind: "discard" };
  if (choice === "apply") return { kind: "apply", paths };
  return { kind: "keep", branch: branch ?? throwNoBranch(), message: given.message ?? line, paths };
}

async function askWhat(trial: Trial, questions: Questions): Promise<TryDecision> {
  const { session, side, repository } = questions;
  const canApply = side.kind === "live";
  let { picked } = questions;
  for (;;) {
    const words = ["[k]eep as a commit", ...(canApply ? ["[a]pply"] : []), "[p]ick paths", "[d]iscard"];
    const answer = (await ask(session.terminal, `${words.join(", ")}? [d]`)).toLowerCase();
    try {
      if (["", "d", "discard", "n", "no"].includes(answer)) return { kind: "discard" };
      if (canApply && ["a", "apply"].includes(answer)) {
        requireApplicableSide(side);
        return { kind: "apply", paths: picked };
      }
      if (["k", "keep"].includes(answer)) return await askBranch(questions, picked);
      if (["p", "pick"].includes(answer)) picked = await askPaths(trial, questions);
    } catch (error) {
      if (!(error instanceof VarveError) || error.code === "INTERRUPTED") throw error;
      session.terminal.say(error.message);
      if (error.hint !== undefined) session.terminal.say(error.hint);
    }
  }

  async function askBranch(asked: Questions, paths: PathSelection | undefined): Promise<TryDecision> {
    const named = asked.branch ?? branchRef(await ask(session.terminal, "On which branch?"));
    await requireKeepable(repository, side, named);
    return decisionOf("keep", { ...asked, branch: named }, paths);
  }
}

async function askPaths({ changes }: Trial, { session: { terminal }, repository, side }: Questions): Promise<WordSelection> {
  const words = (await ask(terminal, "Which paths or patterns, with spaces between them?")).split(/\s+/).filter(Boolean);
  const picked = await selectionOf(words, repository, [side]);
  const chosen = chosenChanges(changes, picked);
  terminal.say(chosen.map((change) => `${changeLine(change, (_style, text) => text)}`).join("\n") || "No change is below such a path.");
  return picked;
}

function report({ terminal, json }: Session, { trial, decision, commit, applied }: TryResult): void {
  const { exitCode, durationMilliseconds } = trial.result;
  if (json) {
    printJson(terminal, {
      exitCode,
      durationMilliseconds,
      changes: trial.changes.map(changeJson),
      decision,
      commit: commit === undefined ? null : commitResultJson(commit),
      applied: applied === undefined ? null : { changes: applied.changes, saved: applied.saved ?? null },
    });
    return;
  }
  if (commit !== undefined) terminal.say(commitReport(commit));
  else if (decision === "keep") terminal.say("Nothing to keep: no change was chosen.");
  if (applied?.changes === 0) terminal.say("Nothing to apply: no change was chosen.");
  else if (applied !== undefined) {
    const kept = applied.saved === undefined ? "" : ` What was not committed is kept as ${shortId(applied.saved)}.`;
    terminal.say(`Applied ${counted(applied.changes, "change")}.${kept}\nTake it back: varve undo`);
  }
}

function throwNoBranch(): never {
  throw new VarveError("USAGE", "Cannot keep the changes: it is not told on which branch", {
    hint: "Name one with -b: it is made if there is none of that name.",
  });
}
