import type { Change } from "../../core/model/change.js";
import type { Terminal } from "../terminal.js";
import { changeLine, changeSummary } from "./change-text.js";

/** What a command would change: its paths are data. @param besides What it would do beside that, as a sentence without its end. */
export function printDryRun(terminal: Terminal, changes: readonly Change[], besides?: string): void {
  terminal.print(changes.map((change) => `${changeLine(change, terminal.paint)}\n`).join(""));
  terminal.say(`${besides === undefined ? "" : `${besides}. `}${changeSummary(changes)}; nothing was done, as asked`);
}
