import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

export const pauseCommand: Command = command(
  {
    name: "pause",
    form: "CONTAINER…",
    summary: "Freeze containers' processes",
    description: `Freezes all processes of each container: they keep their memory and open files, and get no processor until "varve unpause". None of
them can notice it. A paused container can be committed, stopped, killed and removed; "varve exec" is refused. All
are looked up before one is paused.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options: {},
    examples: [["varve pause web", "until varve unpause web"]],
    statuses: [
      ["24", "no such container"],
      ["33", "it does not run"],
    ],
  },
  async ({ words, session: { terminal, json, ...session } }) => {
    const { containers } = await openRepository({ ...session, terminal, json });
    const records = words.map((name) => containers.find(name).record);
    for (const record of records) {
      const changed = await containers.pause(record);
      if (!json) terminal.say(changed ? `Paused ${record.name}` : `${record.name} was paused already`);
    }
    if (json)
      await printJsonArray(
        terminal,
        records.map(({ id, name }) => ({ id, name })),
      );
  },
);
