import { restartContainer } from "../../core/operations/container-lifecycle.js";
import { VarveError } from "../../core/errors.js";
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

export const restartCommand: Command = command(
  {
    name: "restart",
    form: "CONTAINER… [-t SECONDS]",
    summary: "End containers' processes, and start them again",
    description: `Stops each container as "varve stop" does, and starts its command again in the background, on its HEAD and what is not
committed. One that does not run is started.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options,
    namespace: "always",
    examples: [["varve restart web", "end it and start it again"]],
    statuses: [
      ["24", "no such container"],
      ["44", "it was made to run in the foreground"],
    ],
  },
  async ({ words, options: { time }, session }) => {
    const grace = time === undefined ? undefined : millisecondsOf("--time", time);
    const repository = await openRepository(session);
    const records = words.map((name) => repository.containers.find(name).record);
    const foreground = records.find(({ configuration }) => configuration.background === undefined);
    if (foreground !== undefined) {
      const { name } = foreground;
      throw new VarveError(
        "UNSUPPORTED",
        `Cannot restart container "${name}": its process has the terminal that it is started on`,
        {
          hint: `Only those that were made with "varve run -d" or "varve create" are. Run "varve stop ${name}", then "varve start ${name}".`,
        },
      );
    }
    for (const record of records) {
      await restartContainer(repository, record, { graceMilliseconds: grace, command: session.typed });
      if (!session.json) session.terminal.say(`Restarted ${record.name}`);
    }
    const restarted = records.map(({ id, name }) => ({ id, name }));
    if (session.json) await printJsonArray(session.terminal, restarted);
  },
);
