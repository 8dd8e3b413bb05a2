import type { CommitId } from "../../core/model/ids.js";
import type { UndoResult } from "../../core/operations/undo-operation.js";
import type { Operation } from "../../core/ports/operation-log.js";
import type { Session } from "../command.js";
import { printableLine } from "../printable.js";
import { printJson } from "./json-array.js";
import { shortId } from "./names.js";

/** What was taken back, or done again. @param word How it is told: `Undone`. */
export function printUndo(
  { terminal, json }: Session,
  { undone, operation, saved }: UndoResult,
  word: "Undone" | "Redone",
): void {
  if (json) return printJson(terminal, { undone: operationFacts(undone), operation: operationFacts(operation), saved });
  terminal.say([`${word}: ${printableLine(undone.command)} (of ${undone.time})`, ...keptLines(operation, saved)].join("\n"));
}

export function operationFacts({ id, time, command }: Operation): Record<string, string> {
  return { id, time, command };
}

/** Where a container went there is nothing left to look at. */
export function keptLines({ trees }: Operation, saved: readonly CommitId[]): readonly string[] {
  return trees.some(({ after }) => after === undefined) ? saved.map(keptWords) : [];
}

function keptWords(commit: CommitId): string {
  return `What was not committed is kept as ${shortId(commit)}: varve checkout ${shortId(commit)} DIR`;
}
