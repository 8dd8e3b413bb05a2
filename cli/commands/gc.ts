import { collectGarbage } from "../../core/maintenance/collect-garbage.js";
import { command, type Command } from "../command.js";
import { openMaintenance, openRepository } from "../open-repository.js";
import { ageOf } from "../option-values.js";
import { collectionJson, collectionText } from "../render/collection.js";
import { printJson } from "../render/json-array.js";

const DEFAULT_AGE = "30d";

const options = {
  "dry-run": { type: "boolean", alias: "n", describe: "Only tell what would go" },
  "prune-age": {
    type: "string",
    value: "AGE",
    describe: `Keep what undo needs for operations younger than this: 30d, 12h, 2w, now (default: ${DEFAULT_AGE})`,
  },
  "cache-age": {
    type: "string",
    value: "AGE",
    describe: `Keep what run --cache made, or used, more recently than this (default: ${DEFAULT_AGE})`,
  },
} as const;

export const gcCommand: Command = command(
  {
    name: "gc",
    form: "[--dry-run] [--prune-age AGE] [--cache-age AGE]",
    summary: "Remove layers that nothing leads to",
    description: `Keeps what branches, tags, containers and younger operations lead to, with all that comes before it and the layers
that lend contents to it; removes all other layers, saved trees and commits, and the views that show them. Operations
that lose what they would bring back can't be undone any more. Other commands may run meanwhile: those that write wait.`,
    words: [],
    options,
    examples: [
      ["varve gc --dry-run", "what would go, and how much that is"],
      ["varve gc", "remove it"],
      ["varve gc --prune-age now", "and all that only undo could bring back"],
    ],
    statuses: [["14", "the store is damaged, so that nothing was removed"]],
  },
  async ({ options: { "dry-run": dryRun, "prune-age": age, "cache-age": cacheAge }, session }) => {
    const pruneAgeMilliseconds = ageOf("--prune-age", age ?? DEFAULT_AGE);
    const cacheAgeMilliseconds = ageOf("--cache-age", cacheAge ?? DEFAULT_AGE);
    const repository = await openRepository(session);
    const { garbage } = await openMaintenance(repository);
    const collection = await collectGarbage(repository, garbage, { pruneAgeMilliseconds, cacheAgeMilliseconds, dryRun });
    if (session.json) printJson(session.terminal, collectionJson(collection, dryRun));
    else if (dryRun) session.terminal.print(collectionText(collection, dryRun));
    else session.terminal.say(collectionText(collection, dryRun).trimEnd());
  },
);
