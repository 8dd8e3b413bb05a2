import type { Change } from "../../core/model/change.js";
import type { OptionValues } from "../command.js";
import { wholeNumberOf } from "../option-values.js";
import { printablePath } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { changeSummary, nameStatusLine, statLines } from "./change-text.js";
import { printPatch } from "./patch-text.js";

/** As git's. */
const CONTEXT_LINES = 3;

/** Forms in which differences are shown, for the commands that show some. */
export const FORM_OPTIONS = {
  patch: { type: "boolean", alias: "p", describe: "Show the lines that differ, as git does: patch -p1 and git apply take it" },
  unified: { type: "string", alias: "U", value: "N", describe: "Show N lines around what differs (default: 3); implies --patch" },
  stat: { type: "boolean", describe: "Show sizes before and after, and the number of paths" },
  "name-only": { type: "boolean", describe: "Show the path alone" },
  "name-status": { type: "boolean", describe: "Show status and path alone, with a tab between them" },
} as const;

export type Form = OptionValues<typeof FORM_OPTIONS>;

export function isFormAsked(form: Form): boolean {
  return form.patch || form.unified !== undefined || form.stat || form["name-only"] || form["name-status"];
}

/** Prints changes in the form that is asked for; of several the shortest. @param lines How they are shown when none is. */
export async function printDifference(
  terminal: Terminal,
  changes: readonly Change[],
  form: Form,
  lines: (changes: readonly Change[]) => readonly string[],
): Promise<void> {
  const print = (some: readonly string[]): void => terminal.print(some.map((line) => `${line}\n`).join(""));
  if (form["name-only"]) print(changes.map(({ path }) => printablePath(path)));
  else if (form["name-status"]) print(changes.map(nameStatusLine));
  else if (form.stat) print([...statLines(changes, terminal.paint), changeSummary(changes)]);
  else if (form.patch || form.unified !== undefined) await printPatch(terminal, changes, contextOf(form.unified));
  else print(lines(changes));
}

function contextOf(lines: string | undefined): number {
  return lines === undefined ? CONTEXT_LINES : wholeNumberOf("-U", lines);
}
