import { planRedo, redoOperation } from "../../core/operations/undo-operation.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printUndo, printUndoPlan } from "../render/undo-text.js";

export const redoCommand: Command = command(
  {
    name: "redo",
    form: "",
    summary: "Do again what undo took back",
    description: `Takes the newest undo back that nothing newer contradicts: what it had taken back stands again, with what was not
committed then. Again: the undo before it. What stands in a tree meanwhile is saved first.`,
    words: [],
    options: { "dry-run": { type: "boolean", alias: "n", describe: "only show what would move and change" } },
    examples: [
      ["varve redo", "after an undo that was one too many"],
      ["varve redo -n", "only show what that would do again"],
    ],
    statuses: [
      ["34", "there is nothing to redo"],
      ["35", "what it would do again has changed meanwhile"],
    ],
  },
  async ({ options: { "dry-run": dryRun }, session }) => {
    const repository = await openRepository(session);
    if (dryRun) return printUndoPlan(session, repository, await planRedo(repository), "redo");
    printUndo(session, await redoOperation(repository, { command: session.typed }), "Redone");
  },
);
