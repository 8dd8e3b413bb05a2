import os from "node:os";
import { VarveError } from "../core/errors.js";
import { closestNames } from "../core/revision/closest-names.js";

/** @param text `TERM`, `SIGTERM` or `15`, in any case. @throws VarveError USAGE. */
export function signalOf(text: string): NodeJS.Signals {
  const names = Object.keys(os.constants.signals) as NodeJS.Signals[];
  const wanted = text.toUpperCase().replace(/^(?!SIG)/, "SIG");
  const found = names.find((name) => name === wanted || String(os.constants.signals[name]) === text);
  if (found !== undefined) return found;
  const [near] = closestNames(wanted, names);
  throw new VarveError("USAGE", `Cannot read the signal "${text}": wanted a name or a number, such as TERM or 15`, {
    hint: near === undefined ? undefined : `Did you mean ${near}?`,
  });
}
