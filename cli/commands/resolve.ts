import { VarveError } from "../../core/errors.js";
import { resolveConflicts, type ResolveResult } from "../../core/operations/resolve-conflicts.js";
import { command, type Command, type Session } from "../command.js";
import { openTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { conflictJson } from "../render/conflict-json.js";
import { printJson } from "../render/json-array.js";
import { counted } from "../render/quantities.js";
import { shellLine } from "../shell-line.js";

export const resolveCommand: Command = command(
  {
    name: "resolve",
    form: "[TARGET] [--ours | --theirs | --base] -- PATH…",
    summary: "End conflicts of a merge: take a side, or what stands there",
    description: `Puts a side's version in place of what is in conflict at PATH, or below it, and removes NAME.ours, NAME.theirs and
NAME.base beside it. Without a side, what stands there is right as it is; conflict markers must be gone then. Only what both sides
changed is taken from the side: a mode alone, where that is the conflict. A container must not run. ${FROM_WHERE}`,
    words: [{ name: "TARGET", required: false }],
    rest: "paths",
    options: {
      ours: { type: "boolean", describe: "what the branch had before" },
      theirs: { type: "boolean", describe: "what the merged revision has" },
      base: { type: "boolean", describe: "what their common ancestor had" },
    },
    examples: [
      ["varve resolve --theirs -- etc/hosts", "take their version of one file"],
      ["varve resolve -- .", "all is right as it stands"],
      ["varve resolve web --ours -- etc", "in the container web, all below etc"],
    ],
    statuses: [
      ["22", "no conflict at such a path"],
      ["32", "the container is running"],
      ["35", "there are still conflict markers"],
      ["38", "nothing is in progress"],
    ],
  },
  async ({ words, rest, options, session }) => {
    const sides = (["ours", "theirs", "base"] as const).filter((side) => options[side]);
    if (sides.length > 1)
      throw new VarveError("USAGE", `Cannot resolve: --${sides.join(" and --")} are given, wanted one of them`);
    if (rest === undefined || rest.length === 0)
      throw new VarveError("USAGE", "Cannot resolve a conflict: no path is given", {
        hint: "Name paths after --, as in `varve resolve --ours -- etc/hosts`. For all: varve resolve --ours -- .",
      });
    const { repository, target } = await openTarget(session, words[0]);
    const paths = await selectionOf(rest, repository, [target]);
    const result = await resolveConflicts(repository, target, { paths, side: sides[0], command: session.typed });
    if (session.json) printResolveJson(session, result);
    else session.terminal.say(text(result, words[0]));
  },
);

function printResolveJson({ terminal }: Session, { resolved, left, saved }: ResolveResult): void {
  const done = resolved.map((conflict) => conflictJson({ ...conflict, isResolved: true }));
  printJson(terminal, { resolved: done, left, saved: saved ?? null });
}

function text({ resolved, left, kind }: ResolveResult, word: string | undefined): string {
  const target = word === undefined ? "" : ` ${shellLine([word])}`;
  const next =
    left > 0 ? `${counted(left, "conflict")} left: varve status${target}` : `None is left: varve ${kind}${target} --continue`;
  return `Resolved ${counted(resolved.length, "conflict")}. ${next}`;
}
