import { removeContainers } from "../../core/operations/container-lifecycle.js";
import { VarveError } from "../../core/errors.js";
import type { ContainerRecord } from "../../core/ports/containers.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";
import { shellLine } from "../shell-line.js";

const options = {
  force: { type: "boolean", alias: "f", describe: "Stop a running one first" },
  volumes: { type: "boolean", alias: "v", describe: "Remove their volumes without a name, too: nothing brings these back" },
  forget: { type: "boolean", describe: "Keep nothing of what is not committed: it can't be brought back" },
} as const;

export const rmCommand: Command = command(
  {
    name: "rm",
    form: "CONTAINER… [-f] [-v] [--forget]",
    summary: "Remove containers",
    description: `Removes containers. What is not committed is saved first, and "varve undo" brings the container back. Its branch stays,
unless it holds no commit of its own. Volumes stay; with -v those that nobody gave a name go, but for what another container has.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options,
    namespace: "where used",
    examples: [
      ["varve rm web", "one that is stopped"],
      ["varve rm -f web worker", "two, running or not"],
      ["varve rm -v db", "with the volumes that were made for it alone"],
      ["varve rm --forget web", "for good: its room is free at once"],
    ],
    statuses: [
      ["24", "no such container"],
      ["32", "it is running"],
    ],
  },
  async ({ words, options: { force, forget, volumes }, session }) => {
    const repository = await openRepository(session);
    // All are looked up first, so that a slip in the last name removes none.
    const records = words.map((name) => repository.containers.find(name).record);
    try {
      await removeContainers(repository, records, { command: session.typed, force, forget, volumes });
    } catch (error) {
      throw withWayOut(error, words);
    }
    if (session.json)
      await printJsonArray(
        session.terminal,
        records.map(({ id, name }) => ({ id, name })),
      );
    else
      session.terminal.say(
        [
          ...records.map(({ name }) => `Removed ${name}`),
          ...(records.some(hasOwnVolume) ? [volumesReport(volumes)] : []),
          ...(forget ? [] : ["Take it back: varve undo"]),
        ].join("\n"),
      );
  },
);

function hasOwnVolume({ configuration }: ContainerRecord): boolean {
  return configuration.volumes.some(({ anonymous }) => anonymous);
}

function volumesReport(removed: boolean): string {
  return removed
    ? "Volumes without a name are gone, too, for good"
    : "Volumes without a name stay: varve volume prune removes them";
}

/** On a full disk nothing can be saved, and removing the container may be what would make room. */
function withWayOut(error: unknown, names: readonly string[]): unknown {
  if (!(error instanceof VarveError) || error.code !== "DISK_FULL") return error;
  const hint = `Free some space, then run the command again. Or give up what is not committed: varve rm --forget ${shellLine(names)}`;
  return new VarveError(error.code, error.message, { path: error.path, hint, cause: error });
}
