import { removeContainers } from "../../core/operations/container-lifecycle.js";
import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";
import { shellLine } from "../shell-line.js";

const options = {
  force: { type: "boolean", alias: "f", describe: "Stop a running one first" },
  forget: { type: "boolean", describe: "Keep nothing of what is not committed: it can't be brought back" },
} as const;

export const rmCommand: Command = command(
  {
    name: "rm",
    form: "CONTAINER… [-f] [--forget]",
    summary: "Remove containers",
    description: `Removes containers. What is not committed is saved first, and "varve undo" brings the container back. Its branch stays,
unless it holds no commit of its own.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options,
    namespace: "where used",
    examples: [
      ["varve rm web", "one that is stopped"],
      ["varve rm -f web worker", "two, running or not"],
      ["varve rm --forget web", "for good: its room is free at once"],
    ],
    statuses: [
      ["24", "no such container"],
      ["32", "it is running"],
    ],
  },
  async ({ words, options: { force, forget }, session }) => {
    const repository = await openRepository(session);
    // All are looked up first, so that a slip in the last name removes none.
    const records = words.map((name) => repository.containers.find(name).record);
    try {
      await removeContainers(repository, records, { command: session.typed, force, forget });
    } catch (error) {
      throw withWayOut(error, words);
    }
    if (session.json)
      await printJsonArray(
        session.terminal,
        records.map(({ id, name }) => ({ id, name })),
      );
    else
      session.terminal.say(
        [...records.map(({ name }) => `Removed ${name}`), ...(forget ? [] : ["Take it back: varve undo"])].join("\n"),
      );
  },
);

/** On a full disk nothing can be saved, and removing the container may be what would make room. */
function withWayOut(error: unknown, names: readonly string[]): unknown {
  if (!(error instanceof VarveError) || error.code !== "DISK_FULL") return error;
  const hint = `Free some space, then run the command again. Or give up what is not committed: varve rm --forget ${shellLine(names)}`;
  return new VarveError(error.code, error.message, { path: error.path, hint, cause: error });
}
