import { measureUsage } from "../../core/maintenance/measure-usage.js";
import type { CommitId } from "../../core/model/ids.js";
import { command, type Command } from "../command.js";
import { openMaintenance, openRepository } from "../open-repository.js";
import { printJson } from "../render/json-array.js";
import { usageJson, usageText } from "../render/usage.js";
import { commitOf } from "../revision-words.js";

export const duCommand: Command = command(
  {
    name: "du",
    form: "[REV…]",
    summary: "Show what commits and layers take, share and waste",
    description: `By commit and by layer, without REV for all branches and tags, in bytes on the disk. Layers that are unpacked for containers of an ordinary user
are told of apart, and so is what is kept of images beside their layers.`,
    columns: [
      ["STORED", "what the layer images take; of a commit, with all that comes before it"],
      ["EXCLUSIVE", "of a commit: what would be freed if only it went; of a layer: what no other layer points at"],
      ["SHARED", "the rest"],
      ["BORROWED", "contents of other layers that are pointed at in place of a copy"],
      ["WASTED", "contents that the tree does not show: written in a layer, replaced or deleted in a later one"],
      ["EFFICIENCY", "the share of the contents in its chain that a commit shows"],
    ],
    words: [{ name: "REV", required: false, many: true }],
    options: {},
    namespace: "where used",
    examples: [
      ["varve du", "all branches and tags"],
      ["varve du main main~5", "two commits"],
      ["varve du --json base", "for programs"],
    ],
    statuses: [["20", "no such revision"]],
  },
  async ({ words, session }) => {
    const repository = await openRepository(session);
    const commits: CommitId[] = [];
    for (const word of words) commits.push(await commitOf(repository, word));
    const { meter } = await openMaintenance(repository);
    const usage = await measureUsage(repository, meter, commits.length > 0 ? commits : undefined);
    if (session.json) printJson(session.terminal, usageJson(usage));
    else session.terminal.print(usageText(usage));
  },
);
