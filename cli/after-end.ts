import { setTimeout as pause } from "node:timers/promises";
import { VarveError } from "../core/errors.js";
import { hasConsequences, settleEnded } from "../core/operations/settle-ended.js";
import { clearAfterStore, openContainersIn, openRepository } from "./open-repository.js";
import { shellLine } from "./shell-line.js";
import { quietTerminal, type Terminal } from "./terminal.js";

/**
 * `varve __ended STORE CONTAINER`: what conmon runs when the process of a container in the background has ended. Nobody reads what it says.
 *
 * @returns The exit status.
 */
export async function afterEnd([store = "", id = ""]: readonly string[], terminal: Terminal): Promise<number> {
  const containers = await openContainersIn(store).catch(async (error: unknown) => {
    if (error instanceof VarveError && error.code === "STORE_MISSING") await clearAfterStore(id);
    throw error;
  });
  // "varve stop" and "varve rm -f" wait until the mounts are left.
  const ranMilliseconds = containers.leaveEnded(id);
  if (!containers.list().some(({ record }) => record.id === id && hasConsequences(record))) return 0;
  const typed = shellLine(["rm", id]);
  const repository = await openRepository({
    terminal: quietTerminal(terminal),
    json: false,
    store,
    typed,
    opened: [],
    takeBack: [],
  });
  await settleEnded(repository, id, { ranMilliseconds, command: typed, pause: (milliseconds) => pause(milliseconds) });
  return 0;
}
