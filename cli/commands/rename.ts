import { renameContainer } from "../../core/operations/rename-container.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJson } from "../render/json-array.js";

export const renameCommand: Command = command(
  {
    name: "rename",
    form: "CONTAINER NAME",
    summary: "Give a container another name",
    description: `Gives a container another name, also while it runs. Its branch and its hostname stay as they are. "varve undo" takes it
back.`,
    words: [
      { name: "CONTAINER", required: true },
      { name: "NAME", required: true },
    ],
    options: {},
    examples: [["varve rename wonderful-lamp web", "a name of your own, for one that was made up"]],
    statuses: [
      ["24", "no such container"],
      ["30", "another container has that name"],
    ],
  },
  async ({ words: [from = "", to = ""], session }) => {
    const { id, name } = await renameContainer(await openRepository(session), from, to, { command: session.typed });
    if (session.json) printJson(session.terminal, { id, name });
    else session.terminal.say(`The container is now ${name}`);
  },
);
