import { undoOperation } from "../../core/operations/undo-operation.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printableLine } from "../printable.js";
import { printJson } from "../render/json-array.js";

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
    const { undone, operation } = await undoOperation(repository, { command: session.typed });
    const facts = ({ id, time, command: typed }: typeof undone): Record<string, string> => ({ id, time, command: typed });
    if (session.json) printJson(session.terminal, { undone: facts(undone), operation: facts(operation) });
    else session.terminal.say(`Undone: ${printableLine(undone.command)} (of ${undone.time})`);
  },
);
