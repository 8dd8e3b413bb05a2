import { statusOf, type Status } from "../../core/operations/status-of.js";
import type { Target } from "../../core/operations/targets.js";
import { command, type Command, type Session } from "../command.js";
import { openTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { pendingText } from "../render/conflict-text.js";
import { conflictJson } from "../render/conflict-json.js";
import { changeLine, changeSummary } from "../render/change-text.js";
import { foldChanges } from "../render/folded-changes.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { shellLine } from "../shell-line.js";

export const statusCommand: Command = command(
  {
    name: "status",
    form: "[TARGET] [-- PATH…]",
    summary: "Show what has changed since the last commit",
    description: `TARGET is a container, or a tracked directory's path (default: the one that you stand in). Each changed path
is shown with the reasons: content, type, mode, owner, xattr, mtime, link. A directory that came or went is one line. What
.varveignore files leave out is not shown. While a merge waits, the paths in conflict come first. PATH is a path, with what stands below it, or a pattern. ${FROM_WHERE}`,
    words: [{ name: "TARGET", required: false }],
    rest: "paths",
    options: {},
    examples: [
      ["varve status", "the tracked directory"],
      ["varve status -- etc '**/*.conf'", "what lies below etc, and what a pattern matches"],
      ["varve status web", "the container web, running or not"],
    ],
  },
  async ({ words, rest, session }) => {
    const { repository, target } = await openTarget(session, words[0]);
    const status = await statusOf(repository, target, { paths: await selectionOf(rest, repository, [target]) });
    try {
      if (session.json) printStatusJson(session, status);
      else session.terminal.print(statusText(session, target, status, words[0]));
    } finally {
      status.close();
    }
  },
);

function printStatusJson({ terminal }: Session, { branch, commit, pending, changes }: Status): void {
  const inProgress = pending === undefined ? null : { kind: pending.kind, conflicts: pending.conflicts.map(conflictJson) };
  printJson(terminal, { branch: refText(branch), commit: commit ?? null, inProgress, changes: changes.map(changeJson) });
}

function statusText(
  { terminal }: Session,
  target: Target,
  { branch, commit, pending, changes }: Status,
  word: string | undefined,
): string {
  const where =
    target.kind === "container"
      ? `Container ${target.record.name} (${target.state}) on branch ${refText(branch)}`
      : `On branch ${refText(branch)}`;
  const at = commit === undefined ? "no commit yet" : `commit ${shortId(commit)}`;
  const lines = foldChanges(changes).map(({ change, below }) => {
    const line = `  ${changeLine(change, terminal.paint)}`;
    return below === 0 ? line : `${line}  (and ${counted(below, "entry", "entries")} below)`;
  });
  const name = word === undefined ? "" : ` ${shellLine([word])}`;
  const waiting = pending === undefined ? "" : `\n${pendingText(pending, terminal.paint, name)}`;
  if (changes.length === 0) return `${where}, ${at}\n${waiting}${waiting === "" ? "" : "\n"}Nothing has changed.\n`;
  if (pending !== undefined) return `${where}, ${at}\n${waiting}\n${lines.join("\n")}\n\n${changeSummary(changes)}\n`;
  const next = [`record: varve commit${name} -m MESSAGE`, ...(commit === undefined ? [] : [`discard: varve rollback${name}`])];
  return `${where}, ${at}\n\n${lines.join("\n")}\n\n${changeSummary(changes)} (${next.join(", ")})\n`;
}
