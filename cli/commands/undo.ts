import { undoOperation } from "../../core/operations/undo-operation.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import type { CommitId } from "../../core/model/ids.js";
import { printableLine } from "../printable.js";
import { printJson } from "../render/json-array.js";
import { shortId } from "../render/names.js";

export const undoCommand: Command = command(
  {
    name: "undo",
    form: "",
    summary: "Take back the last command that changed something",
    description: `Takes back the newest command that moved a branch or tag, made or removed a container, or changed a tree, and that
is not taken back yet. Again: the one before it. What stands in a tree meanwhile is saved first.`,
    words: [],
    options: {},
    examples: [
      ["varve rollback HEAD~1", "go back one commit"],
      ["varve undo", "and be where you were, with what was not committed"],
    ],
    statuses: [
      ["34", "there is nothing to undo"],
      ["35", "what it would take back has changed meanwhile"],
    ],
  },
  async ({ session }) => {
    const repository = await openRepository(session);
    const { undone, operation, saved } = await undoOperation(repository, { command: session.typed });
    const facts = ({ id, time, command: typed }: typeof undone): Record<string, string> => ({ id, time, command: typed });
    if (session.json) printJson(session.terminal, { undone: facts(undone), operation: facts(operation), saved });
    else {
      // Where a container went there is nothing left to look at.
      const isGone = operation.trees.some(({ after }) => after === undefined);
      const kept = isGone ? saved.map(keptWords) : [];
      session.terminal.say([`Undone: ${printableLine(undone.command)} (of ${undone.time})`, ...kept].join("\n"));
    }
  },
);

function keptWords(commit: CommitId): string {
  return `What was not committed is kept as ${shortId(commit)}: varve checkout ${shortId(commit)} DIR`;
}
