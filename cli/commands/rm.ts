import { removeContainer } from "../../core/operations/container-lifecycle.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

const options = {
  force: { type: "boolean", alias: "f", describe: "Stop a running one first" },
} as const;

export const rmCommand: Command = command(
  {
    name: "rm",
    form: "NAME… [-f]",
    summary: "Remove containers",
    description: `Removes containers. What is not committed is saved first, and "varve undo" brings the container back. Its branch stays,
unless it holds no commit of its own.`,
    words: [{ name: "NAME", required: true, many: true }],
    options,
    examples: [
      ["varve rm web", "one that is stopped"],
      ["varve rm -f web worker", "two, running or not"],
    ],
    statuses: [
      ["24", "no such container"],
      ["32", "it is running"],
    ],
  },
  async ({ words, options: { force }, session }) => {
    const repository = await openRepository(session);
    // All are looked up first, so that a slip in the last name removes none.
    const records = words.map((name) => repository.containers.find(name).record);
    for (const record of records) {
      await removeContainer(repository, record, { command: session.typed, force });
      if (!session.json) session.terminal.say(`Removed ${record.name}`);
    }
    if (session.json)
      await printJsonArray(
        session.terminal,
        records.map(({ id, name }) => ({ id, name })),
      );
    else session.terminal.say("Take it back: varve undo");
  },
);
