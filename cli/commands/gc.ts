import { collectGarbage } from "../../core/maintenance/collect-garbage.js";
import { VarveError } from "../../core/errors.js";
import { command, type Command, type Session } from "../command.js";
import { openMaintenance, openRepository } from "../open-repository.js";
import { ageOf } from "../option-values.js";
import { collectionJson, collectionText } from "../render/collection.js";
import { printableLine } from "../printable.js";
import { isGone, proofJson, proofText } from "../render/forgotten-proof.js";
import { printJson } from "../render/json-array.js";

const DEFAULT_AGE = "30d";

const options = {
  "dry-run": { type: "boolean", alias: "n", describe: "Only tell what would go" },
  "prune-age": {
    type: "string",
    value: "AGE",
    describe: `Keep what undo needs for operations younger than this: 30d, 12h, 2w, now (default: ${DEFAULT_AGE})`,
  },
  now: {
    type: "boolean",
    describe: "Keep nothing for undo, nor what fsck put into quarantine, and prove that what was forgotten is gone",
  },
  yes: { type: "boolean", alias: "y", describe: "Do not ask before --now" },
  "cache-age": {
    type: "string",
    value: "AGE",
    describe: `Keep what run --cache made, or used, more recently than this (default: ${DEFAULT_AGE})`,
  },
} as const;

export const gcCommand: Command = command(
  {
    name: "gc",
    form: "[--dry-run] [--prune-age AGE | --now [--yes]] [--cache-age AGE]",
    summary: "Remove layers that nothing leads to",
    description: `Keeps what branches, tags, containers and younger operations lead to, with all that comes before it and the layers
that lend contents to it; removes all other layers, saved trees and commits, the views that show them, and what was kept of images
for the same digests. Operations that lose what they would bring back can't be undone any more. Cgroups without a process that
containers of removed stores left go, too. Other commands may run meanwhile: those that write wait. With --now
nothing that was done before can be undone, and what "varve forget-path" took out of history is looked for in all layers, commits and
containers that are left.`,
    words: [],
    options,
    namespace: "where used",
    examples: [
      ["varve gc --dry-run", "what would go, and how much that is"],
      ["varve gc", "remove it"],
      ["varve gc --prune-age now", "and all that only undo could bring back"],
      ["varve gc --now", "for good, with a proof that forgotten contents are gone"],
    ],
    statuses: [
      ["1", "with --now: the answer was no, or something that was forgotten is still held"],
      ["14", "the store is damaged, so that nothing was removed"],
    ],
  },
  async ({ options: { "dry-run": dryRun, "prune-age": age, "cache-age": cacheAge, now, yes }, session }) => {
    if (now && age !== undefined)
      throw new VarveError("USAGE", "Cannot run varve gc with both --now and --prune-age: wanted one");
    const pruneAgeMilliseconds = now ? 0 : ageOf("--prune-age", age ?? DEFAULT_AGE);
    const cacheAgeMilliseconds = ageOf("--cache-age", cacheAge ?? (now ? "now" : DEFAULT_AGE));
    const repository = await openRepository(session);
    if (now && !yes && !dryRun && !(await isConfirmed(session, repository.path))) return 1;
    const { garbage } = await openMaintenance(repository);
    const options = { pruneAgeMilliseconds, cacheAgeMilliseconds, dryRun, everything: now };
    const { collection, proofs } = now
      ? await (await import("../../core/operations/rewriting/prove-forgotten.js")).collectAndProve(repository, garbage, options)
      : { collection: await collectGarbage(repository, garbage, options), proofs: [] };
    const { terminal, json } = session;
    const text = collectionText(collection, dryRun);
    if (json) printJson(terminal, { ...collectionJson(collection, dryRun), ...(now && { forgotten: proofs.map(proofJson) }) });
    else if (dryRun) terminal.print(text);
    else terminal.say([text, ...proofs.map(proofText)].join("").trimEnd());
    return proofs.every(isGone) ? 0 : 1;
  },
);

async function isConfirmed({ terminal }: Session, store: string): Promise<boolean> {
  const { ask, canAsk } = await import("../ask.js");
  if (!(await canAsk())) {
    throw new VarveError("USAGE", "Cannot run varve gc --now without --yes: there is no terminal to ask on", {
      hint: "Afterwards nothing that was done before can be undone, and saved trees, reflogs and quarantined images are gone.",
    });
  }
  terminal.complain(
    `Nothing that was done in ${printableLine(store)} can be undone afterwards: saved trees, reflogs and quarantine go.\n`,
  );
  return /^y(es)?$/i.test(await ask(terminal, "Remove them for good? [y/N]"));
}
