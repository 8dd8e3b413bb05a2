import { stopContainer } from "../../core/operations/container-lifecycle.js";
import { command, type Command } from "../command.js";
import { millisecondsOf } from "../option-values.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

const options = {
  time: {
    type: "string",
    alias: "t",
    value: "SECONDS",
    describe: "Wait so long before it is killed (default: its --stop-timeout, else 10)",
  },
} as const;

export const stopCommand: Command = command(
  {
    name: "stop",
    form: "CONTAINER… [-t SECONDS]",
    summary: "End a container's process",
    description: `Asks the process to end (SIGTERM, or its --stop-signal), and kills it when it has not ended in time. The container and what it wrote stay. One
that does not run stays as it is.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options,
    examples: [
      ["varve stop web", "end it"],
      ["varve stop web -t 0", "at once"],
    ],
    statuses: [["24", "no such container"]],
  },
  async ({ words, options: { time }, session }) => {
    const grace = time === undefined ? undefined : millisecondsOf("--time", time);
    const repository = await openRepository(session);
    // All are looked up first, so that a slip in the last name stops none.
    const statuses = words.map((name) => repository.containers.find(name));
    for (const { record, pid } of statuses) {
      await stopContainer(repository, record, grace);
      if (!session.json) session.terminal.say(pid === undefined ? `${record.name} was not running` : `Stopped ${record.name}`);
    }
    if (session.json)
      await printJsonArray(
        session.terminal,
        statuses.map(({ record: { id, name } }) => ({ id, name })),
      );
  },
);
