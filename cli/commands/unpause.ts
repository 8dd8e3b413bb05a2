import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

export const unpauseCommand: Command = command(
  {
    name: "unpause",
    form: "CONTAINER…",
    summary: "Let paused containers go on",
    description: `Lets the processes of containers that "varve pause" froze go on where they were.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options: {},
    examples: [["varve unpause web", "go on"]],
    statuses: [
      ["24", "no such container"],
      ["33", "it does not run"],
    ],
  },
  async ({ words, session: { terminal, json, ...session } }) => {
    const { containers } = await openRepository({ ...session, terminal, json });
    const records = words.map((name) => containers.find(name).record);
    for (const record of records) {
      const changed = await containers.unpause(record);
      if (!json) terminal.say(changed ? `Unpaused ${record.name}` : `${record.name} was not paused`);
    }
    if (json)
      await printJsonArray(
        terminal,
        records.map(({ id, name }) => ({ id, name })),
      );
  },
);
