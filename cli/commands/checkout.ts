import path from "node:path";
import { checkoutCommit } from "../../core/operations/checkout-commit.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJson } from "../render/json-array.js";
import { shortId } from "../render/names.js";
import { commitOf } from "../revision-words.js";

export const checkoutCommand: Command = command(
  {
    name: "checkout",
    form: "REV DIR",
    summary: "Write a commit's tree into an empty directory",
    description: `Writes the tree of REV into DIR, which must be empty or absent, with owners, times, xattrs, hardlinks, devices and
holes. The directory is a plain copy: it is not tracked. Owners and devices need root.`,
    words: [
      { name: "REV", required: true },
      { name: "DIR", required: true },
    ],
    options: {},
    examples: [
      ["varve checkout base ./rootfs", "a branch"],
      ["varve checkout main~3 /tmp/old", "an older commit"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["36", "DIR is not empty"],
    ],
  },
  async ({ words: [revision = "", directory = ""], session }) => {
    const repository = await openRepository(session);
    const commit = await commitOf(repository, revision);
    const place = path.resolve(directory);
    await checkoutCommit(repository, commit, place);
    if (session.json) printJson(session.terminal, { commit, directory: place });
    else session.terminal.say(`Wrote ${shortId(commit)} to ${place}`);
  },
);
