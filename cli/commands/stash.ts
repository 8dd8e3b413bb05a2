import { VarveError } from "../../core/errors.js";
import { diffSides, type Difference } from "../../core/operations/diff-sides.js";
import {
  applyStash,
  dropStashes,
  findStash,
  listStashes,
  planStash,
  pushStash,
  type Stash,
} from "../../core/operations/stash.js";
import { closestNames } from "../../core/revision/closest-names.js";
import { stashName } from "../../core/revision/stash-refs.js";
import { command, type Command, type OptionValues, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { openTarget } from "../open-target.js";
import { wordMissing, wordTooMany } from "../parse-words.js";
import { shellLine } from "../shell-line.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { changeLine } from "../render/change-text.js";
import { subject } from "../render/commit-text.js";
import { printJson, printJsonArray } from "../render/json-array.js";
import { FORM_OPTIONS, isFormAsked, printDifference } from "../render/difference.js";
import { shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { isoTime } from "../render/timestamps.js";

const FORM = {
  name: "stash",
  form: "[push] [TARGET] [-m MSG] [-- PATH…] | list | show|apply|pop|drop [N] [TARGET] | clear",
} as const;

const OPTIONS = {
  message: { type: "string", alias: "m", value: "MSG", describe: "what the stash is about" },
  "dry-run": {
    type: "boolean",
    alias: "n",
    describe: "only show what would be stashed, changed or dropped: of all but list and show",
  },
  ...FORM_OPTIONS,
} as const;

export const stashCommand: Command = command(
  {
    ...FORM,
    summary: "Put aside what is not committed, and take it up again",
    description: `"push" keeps what TARGET, by default the tracked directory, holds beyond its last commit, all of it or PATHs alone, and
makes the tree that commit's again. "apply" makes the changes of a stash in a tree, which may have others; "pop" drops the
stash, too. What both have changed is merged as by varve merge; where that takes a person, nothing is done. N is 0 for the newest, 1 for the one before
it; stash@{N} is its name, and a revision. A stash is kept until it is dropped; "varve undo" takes each of these back.
PATH is a path or a pattern. ${FROM_WHERE}`,
    words: [
      { name: "push|list|show|apply|pop|drop|clear", required: false },
      { name: "TARGET", required: false, many: true },
    ],
    rest: "paths",
    options: OPTIONS,
    examples: [
      ["varve stash -m 'half a config'", "put aside what is not committed"],
      ["varve stash push web -- etc", "of the container web what is below /etc"],
      ["varve stash list", "what there is"],
      ["varve stash pop", "take up the newest again"],
      ["varve stash pop -n", "only show what that would change"],
      ["varve stash show -p 1", "what an older one holds, line by line"],
    ],
    statuses: [
      ["1", "nothing to stash"],
      ["20", "no such stash"],
      ["32", "the container is running"],
      ["35", "the tree has changed the same path"],
    ],
  },
  async ({ words, rest, options, session }) => {
    const [first, ...others] = words;
    const action = first !== undefined && Object.hasOwn(ACTIONS, first) ? ACTIONS[first] : undefined;
    const given = { words: action === undefined ? words : others, rest, options, session };
    if (action !== show && isFormAsked(options)) throw onlyOfShow();
    if (action === undefined) return push(given);
    if (options["dry-run"] && [list, show].includes(action)) throw noDryRun(first ?? "");
    if (first !== "push") requirePlain(first ?? "", given);
    return action(given);
  },
);

interface Given {
  readonly words: readonly string[];
  readonly rest: readonly string[] | undefined;
  readonly options: OptionValues<typeof OPTIONS>;
  readonly session: Session;
}

const ACTIONS: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  push,
  list,
  show,
  apply: (given) => apply(given, false),
  pop: (given) => apply(given, true),
  drop: (given) => drop(given, false),
  clear: (given) => drop(given, true),
};

function onlyOfShow(): VarveError {
  return new VarveError("USAGE", "Cannot run varve stash: -p, --stat and their like are for varve stash show", {
    hint: `The form is: varve stash ${FORM.form}`,
  });
}

function noDryRun(action: string): VarveError {
  return new VarveError("USAGE", `Cannot run varve stash ${action}: it changes nothing, so that -n has no meaning`, {
    hint: `The form is: varve stash ${FORM.form}`,
  });
}

function requirePlain(action: string, { rest, options: { message } }: Given): void {
  if (rest === undefined && message === undefined) return;
  throw new VarveError("USAGE", `Cannot run varve stash ${action}: -m and paths are for varve stash push`, {
    hint: `The form is: varve stash ${FORM.form}`,
  });
}

async function push({ words: [word, extra], rest, options, session }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  const { repository, target } = await openNamed(session, word);
  const paths = rest === undefined || rest.length === 0 ? undefined : await selectionOf(rest, repository, [target]);
  if (options["dry-run"]) return printDry(session, await planStash(repository, target, { paths }), "would be stashed");
  const stash = await pushStash(repository, target, { command: session.typed, message: options.message, paths });
  if (session.json) return printJson(session.terminal, stashJson(stash));
  const again = word === undefined ? "" : ` ${shellLine([word])}`;
  session.terminal.say(
    `Stashed: ${subject(stash.commit)} (${shortId(stash.commit.id)})\nTake it up again: varve stash pop${again}`,
  );
}

/** @throws VarveError TARGET_UNKNOWN, with the action that was perhaps meant by the word. */
async function openNamed(session: Session, word: string | undefined): ReturnType<typeof openTarget> {
  try {
    return await openTarget(session, word);
  } catch (error) {
    if (!(error instanceof VarveError) || error.code !== "TARGET_UNKNOWN" || word === undefined) throw error;
    const [near] = closestNames(word, Object.keys(ACTIONS));
    if (near === undefined) throw error;
    const hint = `Did you mean "varve stash ${near}"? ${error.hint ?? ""}`;
    throw new VarveError(error.code, error.message, { cause: error, path: error.path, hint });
  }
}

/** Nothing was done. */
function printDry(session: Session, { changes, close }: Pick<Difference, "changes" | "close">, fate: string): void {
  try {
    if (session.json) return printJson(session.terminal, { dryRun: true, changes: changes.map(changeJson) });
    session.terminal.print(changes.map((change) => `${changeLine(change, session.terminal.paint)}\n`).join(""));
    session.terminal.say(`${counted(changes.length, "path")} ${fate}; nothing was done.`);
  } finally {
    close();
  }
}

async function list({ words: [extra], session }: Given): Promise<void> {
  if (extra !== undefined) throw wordTooMany(FORM, extra);
  const stashes = await listStashes(await openRepository(session));
  if (session.json) return printJsonArray(session.terminal, stashes.map(stashJson));
  if (stashes.length === 0) return session.terminal.say("Nothing is stashed.");
  session.terminal.print(stashes.map(({ number, commit }) => `${stashName(number)}: ${subject(commit)}\n`).join(""));
}

async function show({ words, options, session }: Given): Promise<void> {
  const { number, others } = numberOf(words);
  if (others[0] !== undefined) throw wordTooMany(FORM, others[0]);
  const repository = await openRepository(session);
  const stash = await findStash(repository, number);
  const side = (commit: Stash["commit"]["id"] | undefined): { kind: "commit"; commit: typeof commit } => ({
    kind: "commit",
    commit,
  });
  const { changes, close } = await diffSides(repository, side(stash.commit.parents[0]), side(stash.commit.id));
  try {
    if (session.json) return printJson(session.terminal, { ...stashJson(stash), changes: changes.map(changeJson) });
    await printDifference(session.terminal, changes, options, (some) =>
      some.map((change) => changeLine(change, session.terminal.paint)),
    );
  } finally {
    close();
  }
}

async function apply({ words, options, session }: Given, dropped: boolean): Promise<void> {
  const { number, others } = numberOf(words);
  if (others[1] !== undefined) throw wordTooMany(FORM, others[1]);
  const { repository, target } = await openTarget(session, others[0]);
  const dryRun = options["dry-run"];
  const applied = await applyStash(repository, target, number, { command: session.typed, drop: dropped, dryRun });
  if (dryRun) return printDry(session, applied, "would change");
  const { stash, changes, close } = applied;
  close();
  if (session.json) return printJson(session.terminal, { ...stashJson(stash), changes: changes.length, dropped });
  const fate = dropped ? "and dropped it" : "and kept it";
  session.terminal.say(
    `Applied ${stashName(stash.number)} ${fate} (${shortId(stash.commit.id)}): ${counted(changes.length, "path")} changed.\nTake it back: varve undo`,
  );
}

async function drop({ words, options, session }: Given, all: boolean): Promise<void> {
  const { number, others } = numberOf(all ? ["0", ...words] : words);
  if (others[0] !== undefined) throw wordTooMany(FORM, others[0]);
  const dryRun = options["dry-run"];
  const dropped = await dropStashes(await openRepository(session), all ? undefined : number, { command: session.typed, dryRun });
  if (session.json) return printJsonArray(session.terminal, dropped.map(stashJson));
  if (dropped.length === 0) return session.terminal.say("Nothing is stashed.");
  const word = dryRun ? "Would drop" : "Dropped";
  const lines = dropped.map(({ number: at, commit }) => `${word} ${stashName(at)}: ${subject(commit)} (${shortId(commit.id)})`);
  session.terminal.say(`${lines.join("\n")}\n${dryRun ? "Nothing was done, as asked." : "Take it back: varve undo"}`);
}

/** The first word is a stash when it looks like one. @throws VarveError USAGE. */
function numberOf(words: readonly string[]): { readonly number: number; readonly others: readonly string[] } {
  const [first, ...others] = words;
  const [, digits] = /^(?:stash@\{)?(\d{1,8})\}?$/.exec(first ?? "") ?? [];
  if (first === "") throw wordMissing(FORM, "N");
  return digits === undefined ? { number: 0, others: words } : { number: Number(digits), others };
}

function stashJson({ number, commit }: Stash): Record<string, unknown> {
  const { id, parents, author, message } = commit;
  return { name: stashName(number), commit: id, base: parents[0] ?? null, time: isoTime(author), message };
}
