import { killContainer } from "../../core/operations/container-lifecycle.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";
import { signalOf } from "../signal-names.js";

const options = {
  signal: { type: "string", alias: "s", value: "SIGNAL", describe: "Send SIGNAL, a name or a number (default: KILL)" },
} as const;

export const killCommand: Command = command(
  {
    name: "kill",
    form: "CONTAINER… [-s SIGNAL]",
    summary: "Send a signal to a container's process",
    description: `Sends a signal to the first process of each container. KILL ends it at once, and returns when it is gone; a restart policy does
not start it again then. A process that does not handle another signal does not notice it: "varve stop" sees to that.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options,
    examples: [
      ["varve kill web", "end it at once"],
      ["varve kill -s HUP web", "have it read its configuration again"],
    ],
    statuses: [
      ["24", "no such container"],
      ["33", "it does not run"],
    ],
  },
  async ({ words, options: { signal: given = "KILL" }, session }) => {
    const signal = signalOf(given);
    const repository = await openRepository(session);
    const records = words.map((name) => repository.containers.find(name).record);
    for (const record of records) await killContainer(repository, record, signal);
    const ended = records.map(({ id, name }) => ({ id, name }));
    if (session.json) await printJsonArray(session.terminal, ended);
    else for (const { name } of ended) session.terminal.say(`Sent ${signal} to ${name}`);
  },
);
