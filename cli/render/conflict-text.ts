import type { ConflictRecord } from "../../core/merge/conflict-state.js";
import type { PendingWork } from "../../core/operations/in-progress.js";
import type { MergeNote } from "../../core/merge/conflict.js";
import { printableLine, printablePath } from "../printable.js";
import type { Terminal } from "../terminal.js";

/** One line a conflict, and the files that show it. */
export function conflictLines(conflicts: readonly ConflictRecord[], paint: Terminal["paint"]): string[] {
  return conflicts.map(({ path, kind, details, isMarked, files }) => {
    const shown = isMarked ? ["marked in the file"] : files.length > 0 ? [`see ${files.map(printablePath).join(" ")}`] : [];
    const why = [...details.map(printableLine), ...shown].join("; ");
    return `${paint("red", kind.padEnd(KIND_WIDTH))} ${printablePath(path)}  (${why})`;
  });
}

const KIND_WIDTH = "directory/file".length;

/** What is in progress, what is still in conflict, and what to do. @param target A space and TARGET, as it was typed; or nothing. */
export function pendingText({ kind, conflicts }: PendingWork, paint: Terminal["paint"], target: string): string {
  const end = `finish: varve ${kind}${target} --continue, give up: varve ${kind}${target} --abort`;
  const open = conflicts.filter(({ isResolved }) => !isResolved);
  const done = conflicts.length - open.length;
  if (open.length === 0) return `A ${kind} is in progress${done > 0 ? ", all conflicts are resolved" : ""} (${end})\n`;
  const lines = conflictLines(open, paint).map((line) => `  ${line}`);
  const resolved = done === 0 ? "" : `, ${done} resolved`;
  return `A ${kind} is in progress (${end})\nUnmerged paths${resolved} (edit them, or take a side: varve resolve${target} --ours|--theirs|--base -- PATH)\n${lines.join("\n")}\n`;
}

export function noteLine({ path, text }: MergeNote): string {
  return `${printablePath(path)}: ${printableLine(text)}`;
}
