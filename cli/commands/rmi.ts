import { storedName } from "../../core/exchange/image-names.js";
import { deleteRefs } from "../../core/operations/branches.js";
import { imageRef } from "../../core/revision/ref-names.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";

const options = {
  force: { type: "boolean", alias: "f", describe: "The same: a container keeps what it stands on, whatever is named" },
} as const;

export const rmiCommand: Command = command(
  {
    name: "rmi",
    form: "REFERENCE…",
    summary: "Delete image references",
    description: `Deletes image references, all of them or none; without a tag, latest is meant. Commits and layers stay until "varve gc" finds that
nothing leads to them: "varve undo" brings the references back.`,
    words: [{ name: "REFERENCE", required: true, many: true }],
    options,
    examples: [["varve rmi debian:12 team/web:1", "two of them"]],
    statuses: [["20", "no such reference"]],
  },
  async ({ words, session }) => {
    const names = [...new Set(words.map(storedName))];
    const repository = await openRepository(session);
    const commits = await deleteRefs(repository, names.map(imageRef), { command: session.typed, force: true });
    if (session.json)
      return printJsonArray(
        session.terminal,
        names.map((reference, at) => ({ reference, commit: null, before: commits[at] })),
      );
    session.terminal.print(names.map((name) => `Untagged: ${name}\n`).join(""));
    session.terminal.say(`Take it back: varve undo. Free its room: varve gc`);
  },
);
