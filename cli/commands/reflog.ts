import type { RefMove } from "../../core/ports/history.js";
import { readReflog, type Reflog } from "../../core/operations/history/read-reflog.js";
import { headOf } from "../../core/operations/targets.js";
import { command, type Command, type Session } from "../command.js";
import { openRepository } from "../open-repository.js";
import { findWordTarget } from "../open-target.js";
import { countOf } from "../option-values.js";
import { printableLine } from "../printable.js";
import { printJsonArray } from "../render/json-array.js";
import { shortId } from "../render/names.js";
import { isoTime, readableTime } from "../render/timestamps.js";
import type { Terminal } from "../terminal.js";

const options = {
  number: { type: "string", alias: "n", digits: true, value: "N", describe: "Show at most N moves; also -N" },
} as const;

export const reflogCommand: Command = command(
  {
    name: "reflog",
    form: "[REF]",
    summary: "Show where a branch, or HEAD, has stood",
    description: `REF is HEAD (the default), a branch, or a container, which means its branch. The newest move comes first: REF@{0} is where it
stands, REF@{1} where it stood before its last move, and so they are written in other commands. Tags have no log.`,
    words: [{ name: "REF", required: false }],
    options,
    paged: true,
    examples: [
      ["varve reflog", "where HEAD has stood"],
      ["varve reflog main -5", "the last five moves of main"],
      ["varve reflog web --json", "the branch of the container web, for programs"],
    ],
    statuses: [["20", "no such branch"]],
  },
  async ({ words: [word = "HEAD"], options: { number }, session }) => {
    const limit = number === undefined ? Infinity : countOf("-n", number);
    const { name, moves } = await reflogOf(session, word);
    const shown = moves.slice(0, limit);
    if (session.json) return printJsonArray(session.terminal, shown.map(moveJson));
    const { terminal } = session;
    for (const [index, move] of shown.entries()) terminal.print(moveLine(`${name}@{${index}}`, move, terminal.paint));
    if (moves.length === 0) terminal.say(`Nothing has moved ${name} yet.`);
  },
);

async function reflogOf(session: Session, word: string): Promise<Reflog> {
  const found = word === "HEAD" ? undefined : await findWordTarget(session, word);
  if (found === undefined) return readReflog((await openRepository(session)).history, word);
  const { repository, target } = found;
  return readReflog(repository.history, target.kind === "directory" ? "HEAD" : (await headOf(repository, target)).branch);
}

function moveLine(selector: string, { after, who, reason }: RefMove, paint: Terminal["paint"]): string {
  const id = after === undefined ? "(deleted)".padEnd(10) : shortId(after);
  return `${paint("yellow", id)} ${selector}  ${readableTime(who)}  ${printableLine(reason)}\n`;
}

function moveJson({ before, after, who, reason }: RefMove, index: number): Record<string, unknown> {
  return {
    index,
    commit: after ?? null,
    before: before ?? null,
    who: { name: who.name, email: who.email },
    time: isoTime(who),
    reason,
  };
}
