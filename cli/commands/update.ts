import { updateLimits } from "../../core/operations/update-limits.js";
import { VarveError } from "../../core/errors.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { printJsonArray } from "../render/json-array.js";
import { CHANGEABLE_LIMIT_OPTIONS, changedLimitsOf } from "../run-options/limits.js";

export const updateCommand: Command = command(
  {
    name: "update",
    form: "CONTAINER… [options]",
    summary: "Change what containers may use",
    description: `Changes limits of memory, processors, processes and block I/O: at once of a container that runs, and for each later start of its
process. What is not given stays as it is. When the kernel refuses a limit, such as less memory than is in use, all of them keep
what they had. "varve undo" takes it back, also of one that runs.`,
    words: [{ name: "CONTAINER", required: true, many: true }],
    options: CHANGEABLE_LIMIT_OPTIONS,
    examples: [
      ["varve update web --memory 512m --cpus 0.5", "less than before, or more"],
      ["varve update web --pids-limit -1", "any number of processes"],
    ],
    statuses: [["24", "no such container"]],
  },
  async ({ words, options: given, session }) => {
    const changes = changedLimitsOf(given);
    if (Object.keys(changes).length === 0) {
      throw new VarveError("USAGE", "Cannot run varve update: no limit is given", {
        hint: "Give one, such as --memory 512m. All: varve update --help",
      });
    }
    const records = await updateLimits(await openRepository(session), words, { changes, command: session.typed });
    if (!session.json) for (const { name } of records) session.terminal.say(`Changed the limits of ${name}`);
    else
      await printJsonArray(
        session.terminal,
        records.map(({ id, name, configuration: { limits } }) => ({ id, name, limits })),
      );
  },
);
