import { chosenChanges } from "../../core/operations/chosen-changes.js";
import os from "node:os";
import { VarveError } from "../../core/errors.js";
import { readImageConfig } from "../../core/image/read-image-config.js";
import type { ImageConfig } from "../../core/model/commit.js";
import type { RefName } from "../../core/model/ids.js";
import type { PathSelection } from "../../core/paths/path-selection.js";
import type { RunConfiguration } from "../../core/ports/containers.js";
import { requireNewBranch, tryOnMachine } from "../../core/operations/try-on-machine.js";
import { parseSide, type Side } from "../../core/operations/sides.js";
import {
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
import { openMachineRoot, openRepository } from "../open-repository.js";
import { wordMissing } from "../parse-words.js";
import { FROM_WHERE, selectionOf, type WordSelection } from "../path-words.js";
import { changeLine, changeSummary } from "../render/change-text.js";
import { reportTry } from "../render/try-report.js";
import { requireTerminal, RUN_OPTIONS, runConfiguration } from "../run-options.js";
import { shellLine } from "../shell-line.js";
import { verifier, VERIFY_OPTION } from "../verify-option.js";

const options = {
  keep: { type: "boolean", describe: "Keep the changes as a commit on --branch" },
  apply: { type: "boolean", describe: "Apply the changes to the directory or container that REV names, or to this machine" },
  discard: { type: "boolean", describe: "Discard the changes" },
  yes: { type: "boolean", alias: "y", describe: "Ask nothing: --apply for @ and @NAME, else --keep" },
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

const NAMED_FORM = { name: "try", form: "[options] [REV] -- CMD…" };
type Given = OptionValues<typeof options>;
type Choice = TryDecision["kind"];

export const tryCommandLine: Command = command(
  {
    ...NAMED_FORM,
    summary: "Run a command on a throw-away layer, then keep, apply or discard what it changed",
    description: `Runs CMD isolated over REV: a commit, @ (the tracked directory as it is, without what it ignores) or @NAME (a
container as it is). Without REV over this machine's own root, which CMD sees and can't change: from where you stand, with your environment;
of other filesystems (a /home or /tmp of its own) it sees the empty directory below, unless -v shows them. Then shows what CMD changed, and why, as "diff" does, and asks: keep it as a commit on a branch, apply it to that
directory or container, pick paths, or discard it. Until then nothing but the layer has changed, and the layer goes in any case. Without a
terminal and without an option that tells, the changes are discarded. So are those of a CMD that fails, unless --keep-failed is given. What
was applied or kept, "varve undo" takes back. PATTERN is a path or a pattern. ${FROM_WHERE}

Over this machine's root --apply writes the changed paths alone, and follows no symlink; what it overwrites or removes is kept in the store first. It
refuses when somebody changed one of the paths since CMD began. Left alone, and told, is what is no part of the root: /proc, /sys, /dev, /run, where
other filesystems are mounted, and the store. --keep makes a new branch with two commits of the changed paths alone: as they are on the machine, and
after CMD, so that "varve diff BRANCH^ BRANCH" tells what it changed and deleted.`,
    words: [{ name: "REV", required: false }],
    rest: "command after dashes",
    options,
    namespace: "always",
    examples: [
      ["varve try base -- sh -c 'echo hello > /etc/motd'", "see what it does; answer what becomes of it"],
      ["varve try --yes -b next -m 'add git' base -- apk add git", "keep it on the branch next"],
      ["varve try --apply --pick etc @web -- dpkg-reconfigure tzdata", "take over what changed below /etc"],
      ["varve try --no @ -- make install", "only look"],
      ["varve try -- apt-get install -y --no-install-recommends nginx", "what would it do to this machine?"],
      ["varve try --apply --pick etc -- sh -c 'echo hello > /etc/motd'", 'do it to this machine; "varve undo" takes it back'],
    ],
    statuses: [
      ["0-255", "that of CMD"],
      ["125", "varve itself failed, before or after CMD"],
      ["126", "CMD is no program that can be executed"],
      ["127", "CMD was not found"],
    ],
  },
  async ({ words: [revision], rest = [], options: given, session }) => {
    if (rest.length === 0) throw wordMissing(NAMED_FORM, "CMD");
    requireTerminal(given.tty);
    refuseEmptyMessage(given.message, "run");
    const told = toldChoice(given);
    const repository = await openRepository(session, { make: revision === undefined });
    const side = revision === undefined ? undefined : await parseSide(repository, revision);
    const place = side === undefined ? overMachine(repository) : overSide(repository, side);
    const branch = branchOf(given, revision);
    const picked = given.pick.length === 0 ? undefined : await place.select(given.pick);
    const choice = told === "yes" ? (side?.kind === "live" ? "apply" : "keep") : told;
    if (choice === "apply") place.requireApplicable();
    if (choice === "keep") await place.requireKeepable(branch ?? throwNoBranch());
    const questions = { place, session, given, branch, picked, choice, line: shellLine(rest) };
    const result = await place.run(rest, given, session, (trial) => decide(trial, questions));
    reportTry(session, result);
    return result.trial.result.exitCode;
  },
);

/** What a command runs over, and what may become of its changes there. */
interface Place {
  readonly canApply: boolean;
  requireApplicable(): void;
  requireKeepable(branch: RefName): Promise<void>;
  select(words: readonly string[]): Promise<WordSelection>;
  run(
    process_: readonly string[],
    given: Given,
    session: Session,
    decide: (trial: Trial) => Promise<TryDecision>,
  ): Promise<TryResult>;
}

function overSide(repository: Repository, side: Side): Place {
  return {
    canApply: side.kind === "live",
    requireApplicable: () => void requireApplicableSide(side),
    requireKeepable: (branch) => requireKeepable(repository, side, branch),
    select: (words) => selectionOf(words, repository, [side]),
    run: (process_, given, session, decision) => {
      const configuration = (name: string, config?: ImageConfig): RunConfiguration =>
        runConfiguration(given, { name, command: process_, environment: process.env, image: readImageConfig(config) });
      const verify = verifier(given.verify, repository, session);
      return tryCommand(repository, { side, configuration, verify, command: session.typed }, decision);
    },
  };
}

function overMachine(repository: Repository): Place {
  return {
    canApply: true,
    requireApplicable: () => undefined,
    requireKeepable: (branch) => requireNewBranch(repository, branch),
    // From the root, wherever one stands.
    select: (words) =>
      selectionOf(
        words.map((word) => word.replace(/^(!?)\/*/, "$1/")),
        repository,
      ),
    run: async (process_, given, session, decision) => {
      const configuration = runConfiguration(onMachine(given), {
        name: os.hostname(),
        command: process_,
        environment: process.env,
      });
      const machine = await openMachineRoot(repository);
      return tryOnMachine(repository, machine, { configuration, command: session.typed }, decision);
    },
  };
}

/** A process over this machine's root finds what it would find without varve. */
function onMachine(given: Given): Given {
  const own = Object.entries(process.env).map(([name, value = ""]) => `${name}=${value}`);
  return { ...given, env: [...own, ...given.env], workdir: given.workdir ?? process.cwd() };
}

const DECISIONS = ["keep", "apply", "discard", "yes", "no"] as const;

/** @throws VarveError USAGE for two that contradict each other. */
function toldChoice(given: Given): Choice | "yes" | undefined {
  const [first, second] = DECISIONS.filter((each) => given[each]);
  if (first !== undefined && second !== undefined) {
    throw new VarveError("USAGE", `Cannot read --${first} and --${second} together: each tells what becomes of the changes`);
  }
  return first === "no" ? "discard" : first;
}

function branchOf({ branch }: Given, revision: string | undefined): RefName | undefined {
  if (branch !== undefined) return branchRef(branch);
  return revision !== undefined && isShortName(revision) ? (`${BRANCHES}${revision}` as RefName) : undefined;
}

interface Questions {
  readonly place: Place;
  readonly session: Session;
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
    if (choice !== "discard")
      terminal.say(`Discarded, since the command failed (exit ${result.exitCode}). --keep-failed keeps it.`);
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
  const { session, place } = questions;
  const words = ["[k]eep as a commit", ...(place.canApply ? ["[a]pply"] : []), "[p]ick paths", "[d]iscard"];
  let { picked } = questions;
  for (;;) {
    const answer = (await ask(session.terminal, `${words.join(", ")}? [d]`)).toLowerCase();
    try {
      if (isAnswer(answer, "pick")) picked = await askPaths(trial, questions);
      else {
        const decision = await decisionFor(answer, trial, questions, picked);
        if (decision !== undefined) return decision;
      }
    } catch (error) {
      if (!(error instanceof VarveError) || error.code === "INTERRUPTED") throw error;
      session.terminal.say([error.message, ...(error.hint === undefined ? [] : [error.hint])].join("\n"));
    }
  }
}

function isAnswer(answer: string, word: string): boolean {
  return answer === word || answer === word[0];
}

/** @returns `undefined` for an answer that means nothing. */
async function decisionFor(
  answer: string,
  trial: Trial,
  questions: Questions,
  picked: PathSelection | undefined,
): Promise<TryDecision | undefined> {
  const { place, session } = questions;
  if (answer === "" || isAnswer(answer, "discard") || isAnswer(answer, "no")) return { kind: "discard" };
  if (place.canApply && isAnswer(answer, "apply")) {
    place.requireApplicable();
    trial.requireApplicable?.(picked);
    return { kind: "apply", paths: picked };
  }
  if (!isAnswer(answer, "keep")) return undefined;
  const branch = questions.branch ?? branchRef(await ask(session.terminal, "On which branch?"));
  await place.requireKeepable(branch);
  return decisionOf("keep", { ...questions, branch }, picked);
}

async function askPaths({ changes }: Trial, { session: { terminal }, place }: Questions): Promise<WordSelection> {
  const words = (await ask(terminal, "Which paths or patterns, with spaces between them?")).split(/\s+/).filter(Boolean);
  const picked = await place.select(words);
  const chosen = chosenChanges(changes, picked);
  terminal.say(
    chosen.map((change) => changeLine(change, (_style, text) => text)).join("\n") || "No change is below such a path.",
  );
  return picked;
}

function throwNoBranch(): never {
  throw new VarveError("USAGE", "Cannot keep the changes: it is not told on which branch", {
    hint: "Name one with -b: it is made if there is none of that name.",
  });
}
