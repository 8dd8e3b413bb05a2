import { diffSides, type Difference } from "../../core/operations/diff-sides.js";
import { readLog, type LogEntry } from "../../core/operations/read-log.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import type { Terminal } from "../terminal.js";
import { changeJson } from "./change-json.js";
import { changeLine, changeSummary } from "./change-text.js";
import { logEntryJson } from "./commit-json.js";
import { commitText } from "./commit-text.js";
import { foldChanges } from "./folded-changes.js";
import { counted } from "./quantities.js";

/** A commit and what it changed against its first parent, as `show` prints them. */
export async function shownCommit(
  repository: Repository,
  commit: CommitId,
  paint: Terminal["paint"],
): Promise<{ readonly text: string; readonly json: Record<string, unknown> }> {
  const entry = await entryOf(repository, commit);
  const before = { kind: "commit", commit: entry.commit.parents[0] } as const;
  const difference = await diffSides(repository, before, { kind: "commit", commit });
  try {
    const text = `${commitText(entry, await headBranch(repository), paint)}\n${foldedChangesText(difference, paint)}`;
    return { text, json: { ...logEntryJson(entry), changes: difference.changes.map(changeJson) } };
  } finally {
    difference.close();
  }
}

async function headBranch({ history, worktree }: Repository): Promise<RefName | undefined> {
  return worktree === undefined ? undefined : history.head();
}

async function entryOf(repository: Repository, from: CommitId): Promise<LogEntry> {
  for await (const entry of readLog(repository, { from: [from], limit: 1 })) return entry;
  return { commit: await repository.history.readCommit(from), refs: [] };
}

/** A directory that came or went is one line. */
export function foldedChangesText({ changes }: Pick<Difference, "changes">, paint: Terminal["paint"]): string {
  const lines = foldChanges(changes).map(({ change, below }) => {
    const rest = below === 0 ? "" : `  (and ${counted(below, "entry", "entries")} below)`;
    return `${changeLine(change, paint)}${rest}\n`;
  });
  return `${lines.join("")}${changeSummary(changes)}\n`;
}
