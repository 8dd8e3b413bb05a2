import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";

const options = {
  "no-stdin": { type: "boolean", describe: "Pass no input on" },
} as const;

export const attachCommand: Command = command(
  {
    name: "attach",
    form: "CONTAINER",
    summary: "Tie your terminal to a container in the background",
    description: `Ties standard input, output and error to those of the container's process until it ends; its exit code is yours. What it
wrote before is in "varve logs". Input reaches it when the container was made with -i. On a terminal (-t), ctrl-p ctrl-q leaves it
running. Signals go to the process.`,
    words: [{ name: "CONTAINER", required: true }],
    options,
    examples: [["varve attach shell", "one made with: varve run -dit --name shell base -- sh"]],
    statuses: [
      ["0-255", "that of the process; 0 when it was left running"],
      ["125", "varve itself failed, such as: no such container, or it does not run"],
    ],
  },
  async ({ words: [name = ""], options: { "no-stdin": noInput }, session }) => {
    const { containers } = await openRepository(session);
    const { record } = containers.find(name);
    const exitCode = await containers.attach(record, { input: !noInput, detachKeys: record.configuration.terminal });
    if (exitCode === undefined) session.terminal.say(`\nLeft ${record.name}, which goes on: varve attach ${record.name}`);
    return exitCode ?? 0;
  },
);
