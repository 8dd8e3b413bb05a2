import { planUndo, undoOperation } from "../../core/operations/undo-operation.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printUndo, printUndoPlan } from "../render/undo-text.js";

export const undoCommand: Command = command(
  {
    name: "undo",
    form: "[ID]",
    summary: "Take back the last command that changed something",
    description: `Takes back the newest command that moved a branch or tag, made or removed a container, or changed a tree, and that
is not taken back yet. Again: the one before it. With ID ("varve op log" shows it) that one alone, if nothing since changed
the same. What stands in a tree meanwhile is saved first. "varve redo" takes an undo back.`,
    words: [{ name: "ID", required: false }],
    options: { "dry-run": { type: "boolean", alias: "n", describe: "only show what would move and change" } },
    examples: [
      ["varve rollback HEAD~1", "go back one commit"],
      ["varve undo", "and be where you were, with what was not committed"],
      ["varve undo -n", "only show what that would take back"],
      ["varve undo 4f1c9a2b", "one of the commands before the last one"],
    ],
    statuses: [
      ["26", "there is no such operation"],
      ["34", "there is nothing to undo"],
      ["35", "what it would take back has changed meanwhile"],
    ],
  },
  async ({ words: [operation], options: { "dry-run": dryRun }, session }) => {
    const repository = await openRepository(session);
    if (dryRun) return printUndoPlan(session, repository, await planUndo(repository, { operation }), "undo");
    printUndo(session, await undoOperation(repository, { command: session.typed, operation }), "Undone");
  },
);
