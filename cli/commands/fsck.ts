import { checkStore, type Finding } from "../../core/maintenance/check-store.js";
import { command, type Command } from "../command.js";
import { EXIT_STATUS } from "../exit-status.js";
import { openMaintenance, openRepository } from "../open-repository.js";
import { printJson } from "../render/json-array.js";
import { checkJson, checkText } from "../render/store-check.js";
import { showReading } from "../progress.js";

const options = {
  quick: { type: "boolean", describe: "Read metadata alone, not the contents of files" },
  repair: { type: "boolean", describe: "Mend what can be mended, and move damaged layers to quarantine" },
} as const;

export const fsckCommand: Command = command(
  {
    name: "fsck",
    form: "[--quick] [--repair]",
    summary: "Check the whole store, and tell what damage touches",
    description: `Compares every layer with its id, its lenders and its contents' digests, commits with layers and trees, refs, operations
and containers with commits, and caches with what they were made from. What is kept of images is compared with its digests, and their
layers' tars are put together: with --quick only sizes are looked at. Tells what is damaged, and which commits, refs and paths that
touches. All processors are used. Of layers that are unpacked for an ordinary user's containers it looks at names, types, modes, owners, sizes
and times; --repair has them made anew, while no container runs.

With --repair, caches that are wrong are removed (they are made again), and so is what is damaged of what was kept of images (loading or
pulling them again puts it back), damaged contents are fetched from other layers, or files of the
tracked directory, that hold the same, and layers that stay damaged are moved to quarantine/ in the store: no content is deleted. Refs, operations and containers' records
are not repaired.`,
    words: [],
    options,
    namespace: "where used",
    examples: [
      ["varve fsck", "read and check everything"],
      ["varve fsck --quick", "without the contents of files"],
      ["varve fsck --repair", "and mend what can be mended"],
    ],
    statuses: [
      ["14", "the store is damaged"],
      ["15", "only layers are damaged"],
    ],
  },
  async ({ options: { quick, repair }, session }) => {
    const { terminal } = session;
    const repository = await openRepository(session);
    const { checks } = await openMaintenance(repository);
    const check = await checkStore(repository, checks, { quick, repair, observe: showReading(terminal) });
    terminal.progress("");
    if (session.json) printJson(terminal, checkJson(check));
    else terminal.print(checkText(check, terminal.paint));
    return statusOf(check.findings);
  },
);

function statusOf(findings: readonly Finding[]): number {
  const damage = findings.filter(({ part, repaired }) => part !== "notice" && !repaired);
  if (damage.length === 0) return 0;
  return damage.every(({ part }) => part === "layer") ? EXIT_STATUS["LAYER_CORRUPT"] : EXIT_STATUS["STORE_DAMAGED"];
}
