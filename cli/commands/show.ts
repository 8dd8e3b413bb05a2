import { diffSides, type Difference } from "../../core/operations/diff-sides.js";
import { readLog, type LogEntry } from "../../core/operations/read-log.js";
import type { RefName } from "../../core/model/ids.js";
import type { Repository } from "../../core/ports/repository.js";
import { command, type Command } from "../command.js";
import { openRepository } from "../open-repository.js";
import { changeJson } from "../render/change-json.js";
import { changeLine, changeSummary } from "../render/change-text.js";
import { logEntryJson } from "../render/commit-json.js";
import { commitText } from "../render/commit-text.js";
import { foldChanges } from "../render/folded-changes.js";
import { printJson } from "../render/json-array.js";
import { counted } from "../render/quantities.js";
import { commitOf } from "../revision-words.js";
import type { Terminal } from "../terminal.js";

export const showCommand: Command = command(
  {
    name: "show",
    form: "[REV]",
    summary: "Show one commit and what it changed",
    description: `Shows the commit that REV names (default: HEAD) and what it changed against its first parent. A directory that
came or went is one line; "varve diff REV~1 REV" lists everything.`,
    words: [{ name: "REV", required: false }],
    options: {},
    examples: [
      ["varve show", "the last commit of the tracked directory's branch"],
      ["varve show base~1", "the one before base"],
    ],
    statuses: [["20", "no such revision"]],
  },
  async ({ words: [word = "HEAD"], session: { terminal, json, ...session } }) => {
    const repository = await openRepository({ ...session, terminal, json });
    const entry = await entryOf(repository, word);
    const { commit } = entry;
    const before = { kind: "commit", commit: commit.parents[0] } as const;
    const difference = await diffSides(repository, before, { kind: "commit", commit: commit.id });
    try {
      if (json) printJson(terminal, { ...logEntryJson(entry), changes: difference.changes.map(changeJson) });
      else
        terminal.print(
          `${commitText(entry, await headBranch(repository), terminal.paint)}\n${changesText(difference, terminal)}`,
        );
    } finally {
      difference.close();
    }
  },
);

async function headBranch({ history, worktree }: Repository): Promise<RefName | undefined> {
  return worktree === undefined ? undefined : history.head();
}

async function entryOf(repository: Repository, word: string): Promise<LogEntry> {
  const from = await commitOf(repository, word);
  for await (const entry of readLog(repository, { from: [from], limit: 1 })) return entry;
  return { commit: await repository.history.readCommit(from), refs: [] };
}

function changesText({ changes }: Difference, { paint }: Terminal): string {
  const lines = foldChanges(changes).map(({ change, below }) => {
    const rest = below === 0 ? "" : `  (and ${counted(below, "entry", "entries")} below)`;
    return `${changeLine(change, paint)}${rest}\n`;
  });
  return `${lines.join("")}${changeSummary(changes)}\n`;
}
