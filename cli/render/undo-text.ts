import type { CommitId } from "../../core/model/ids.js";
import type { UndoPlan, UndoResult } from "../../core/operations/undo-operation.js";
import type { Operation } from "../../core/ports/operation-log.js";
import type { Repository } from "../../core/ports/repository.js";
import type { Session } from "../command.js";
import { printableLine } from "../printable.js";
import { printJson } from "./json-array.js";
import { shortId } from "./names.js";
import { planJson, printPlan } from "./revert-plan.js";

/** What was taken back, or done again. @param word How it is told: `Undone`. */
export function printUndo(
  { terminal, json }: Session,
  { undone, operation, saved }: UndoResult,
  word: "Undone" | "Redone",
): void {
  if (json) return printJson(terminal, { undone: operationFacts(undone), operation: operationFacts(operation), saved });
  terminal.say([`${word}: ${printableLine(undone.command)} (of ${undone.time})`, ...keptLines(operation, saved)].join("\n"));
}

/** What an undo or redo would do. It is closed. @param word How it is told: `undo`. */
export function printUndoPlan(session: Session, repository: Repository, plan: UndoPlan, word: "undo" | "redo"): void {
  const { undone } = plan;
  try {
    if (session.json) return printJson(session.terminal, { undone: operationFacts(undone), dryRun: true, ...planJson(plan) });
    printPlan(session, repository, plan, `Would ${word}: ${printableLine(undone.command)} (of ${undone.time})`);
  } finally {
    plan.close();
  }
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
