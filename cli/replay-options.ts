import { VarveError } from "../core/errors.js";
import { abortReplay, goOn } from "../core/operations/rewriting/end-replay.js";
import type { ReplayKind } from "../core/operations/rewriting/replay-state.js";
import type { ReplayResult } from "../core/operations/rewriting/replay-target.js";
import type { OptionValues, Session } from "./command.js";
import { openTarget } from "./open-target.js";
import { wordTooMany } from "./parse-words.js";
import { conflictLines, noteLine } from "./render/conflict-text.js";
import { printJson } from "./render/json-array.js";
import { shortId } from "./render/names.js";
import { abortedJson, abortedText, nextText, replayJson, replayText } from "./render/replay-text.js";
import { shellLine } from "./shell-line.js";

/** What commands that replay commits have in common. */
export const REPLAY_OPTIONS = {
  "strategy-option": {
    type: "string",
    alias: "X",
    value: "SIDE",
    describe: "ours or theirs: whose version where both changed the same",
  },
  "dry-run": { type: "boolean", alias: "n", describe: "only tell what would be done, and the conflicts" },
  continue: { type: "boolean", describe: "go on, when the conflicts are resolved" },
  skip: { type: "boolean", describe: "go on without the commit that waits" },
  abort: { type: "boolean", describe: "give all of it up: branch and tree are what they were before" },
} as const;

export const REPLAY_STATUSES: readonly (readonly [string, string])[] = [
  ["1", "there are conflicts to resolve"],
  ["32", "the container is running"],
  ["35", "a conflict is not resolved, or what is not committed is in the way"],
  ["37", "something else is in progress"],
];

type Given = OptionValues<typeof REPLAY_OPTIONS>;

/** @throws VarveError USAGE. */
export function favorOf({ "strategy-option": side }: Given): "ours" | "theirs" | undefined {
  if (side === undefined || side === "ours" || side === "theirs") return side;
  throw new VarveError("USAGE", `Cannot read -X ${JSON.stringify(side)}: wanted "ours" or "theirs"`);
}

export interface ReplayCommand {
  readonly name: ReplayKind;
  readonly form: string;
}

/** @returns `undefined` when something new is to be begun. */
export async function endReplay(
  { name: kind, form }: ReplayCommand,
  words: readonly string[],
  given: Given,
  session: Session,
): Promise<number | undefined> {
  const ends = (["continue", "skip", "abort"] as const).filter((each) => given[each]);
  const [end, other] = ends;
  if (end === undefined) return undefined;
  if (other !== undefined) throw new VarveError("USAGE", `Cannot ${kind}: --${end} and --${other} are given, wanted one of them`);
  if (words[1] !== undefined) throw wordTooMany({ name: kind, form }, words[1]);
  const { repository, target } = await openTarget(session, words[0]);
  const command = session.typed;
  if (end !== "abort") {
    const result = await goOn(repository, target, { kind, skip: end === "skip", command });
    return reportReplay(kind, result, { session, word: words[0] });
  }
  const aborted = await abortReplay(repository, target, { kind, command });
  if (session.json) printJson(session.terminal, abortedJson(aborted));
  else session.terminal.say(abortedText(kind, aborted));
  return 0;
}

interface Shown {
  readonly session: Session;
  /** TARGET as it was typed. */
  readonly word: string | undefined;
  readonly dryRun?: boolean;
  /** Beside what all kinds tell. */
  readonly json?: Record<string, unknown>;
  readonly lines?: readonly string[];
}

/** @returns The exit status. */
export function reportReplay(
  kind: ReplayKind,
  result: ReplayResult,
  { session, word, dryRun = false, json, lines = [] }: Shown,
): number {
  const { terminal } = session;
  const { conflicts, notes, configConflicts } = result;
  const status = result.kind === "conflicts" ? 1 : 0;
  if (session.json) {
    printJson(terminal, { ...replayJson(result), ...json });
    return status;
  }
  for (const note of notes) terminal.complain(`varve: note: ${noteLine(note)}\n`);
  for (const { commit, part } of configConflicts)
    terminal.complain(`varve: warning: ${shortId(commit)} changes ${part} of the image config otherwise: it stays as it is\n`);
  for (const line of lines) terminal.say(line);
  if (dryRun)
    terminal.say(`Would be: ${replayText(kind, result).replace("\nTake it back: varve undo", "")}\nNothing was done, as asked.`);
  else terminal.say(replayText(kind, result));
  for (const line of conflictLines(conflicts, terminal.paint)) terminal.print(`${line}\n`);
  if (status === 1 && !dryRun) terminal.say(nextText(kind, word === undefined ? "" : ` ${shellLine([word])}`));
  return status;
}
