import { diffSides } from "../../core/operations/diff-sides.js";
import { readLog, type LogEntry } from "../../core/operations/history/read-log.js";
import type { Change } from "../../core/model/change.js";
import type { CommitId, RefName } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import type { Terminal } from "../terminal.js";
import { changeJson } from "./change-json.js";
import { belowWords, changeLine, changeSummary } from "./change-text.js";
import { logEntryJson } from "./commit-json.js";
import { commitText } from "./commit-text.js";
import { foldChanges } from "./folded-changes.js";

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
    const lines = [commitText(entry, await headBranch(repository), paint), ...foldedChangeLines(difference.changes, paint)];
    const text = lines.map((line) => `${line}\n`).join("");
    return { text, json: { ...logEntryJson(entry), changes: difference.changes.map(changeJson) } };
  } finally {
    difference.close();
  }
}

/** The branch that is marked as HEAD. */
export async function headBranch({ history, worktree }: Repository): Promise<RefName | undefined> {
  return worktree === undefined ? undefined : history.head();
}

export async function entryOf(repository: Repository, from: CommitId): Promise<LogEntry> {
  for await (const entry of readLog(repository, { from: [from], limit: 1 })) return entry;
  return { commit: await repository.history.readCommit(from), refs: [] };
}

/** A directory that came or went is one line. */
export function foldedChangeLines(changes: readonly Change[], paint: Terminal["paint"]): string[] {
  const lines = foldChanges(changes).map(({ change, below }) => changeLine(change, paint) + belowWords(below));
  return [...lines, changeSummary(changes)];
}
