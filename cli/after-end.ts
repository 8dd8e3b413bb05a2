import { setTimeout as pause } from "node:timers/promises";
import { settleEnded } from "../core/operations/settle-ended.js";
import { openRepository } from "./open-repository.js";
import { shellLine } from "./shell-line.js";
import { quietTerminal, type Terminal } from "./terminal.js";

/**
 * `varve __ended STORE CONTAINER`: what conmon runs when the process of a container in the background has ended. Nobody reads what it says.
 *
 * @returns The exit status.
 */
export async function afterEnd([store, id = ""]: readonly string[], terminal: Terminal): Promise<number> {
  const typed = shellLine(["rm", id]);
  const repository = await openRepository({ terminal: quietTerminal(terminal), json: false, store, typed, opened: [] });
  const ranMilliseconds = repository.containers.leaveEnded(id);
  await settleEnded(repository, id, { ranMilliseconds, command: typed, pause: (milliseconds) => pause(milliseconds) });
  return 0;
}
