import { rollbackTarget, type RollbackResult } from "../../core/operations/rollback-target.js";
import { headOf } from "../../core/operations/targets.js";
import { command, type Command, type Session } from "../command.js";
import { findWordTarget, isRevision, openTarget, type OpenedTarget } from "../open-target.js";
import { changeJson } from "../render/change-json.js";
import { printDryRun } from "../render/dry-run.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { RESTART_OPTION, restarting } from "../restart-option.js";
import { commitOf } from "../revision-words.js";

export const rollbackCommand: Command = command(
  {
    name: "rollback",
    form: "[TARGET] [REV]",
    summary: "Make a directory's or container's tree equal to a commit",
    description: `Makes TARGET's tree exactly REV and moves its branch there. REV is by default HEAD: that discards what is not
committed. What is discarded is saved first: "varve undo" brings it back. One word alone is a TARGET if it
names a container or a tracked directory's path, else a REV. A container must not run; --restart stops one that does, and starts
it again in the background.`,
    words: [
      { name: "TARGET", required: false },
      { name: "REV", required: false },
    ],
    options: { "dry-run": { type: "boolean", alias: "n", describe: "only show what would change" }, ...RESTART_OPTION },
    examples: [
      ["varve rollback", "discard what is not committed in the tracked directory"],
      ["varve rollback HEAD~2", "go back two commits"],
      ["varve rollback -n HEAD~2", "what that would change"],
      ["varve rollback web v1", "make the container web what tag v1 holds"],
      ["varve rollback --restart web HEAD~1", "while it runs: it is stopped, and started again"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["32", "the container is running"],
      ["44", "--restart of a container that runs in the foreground"],
    ],
  },
  async ({ words, options, session }) => {
    const { opened, revision } = await parse(session, words, options.restart);
    const { repository, target } = opened;
    const { branch } = await headOf(repository, target);
    const commit = await commitOf(repository, revision, branch);
    const dryRun = options["dry-run"];
    await restarting(opened, options, { action: "roll back", session }, async (stopped) => {
      const result = await rollbackTarget(repository, stopped, commit, { command: session.typed, dryRun });
      try {
        if (session.json) printJson(session.terminal, resultJson(result, dryRun));
        else if (dryRun) printDryRun(session.terminal, result.changes ?? [], dryText(result));
        else session.terminal.say(resultText(result));
      } finally {
        result.close();
      }
    });
  },
);

async function parse(
  session: Session,
  words: readonly string[],
  restart: boolean,
): Promise<{ opened: OpenedTarget; revision: string }> {
  const [first, second] = words;
  if (first === undefined || second !== undefined)
    return { opened: await openTarget(session, first), revision: second ?? "HEAD" };
  const found = await findWordTarget(session, first);
  if (found !== undefined) return { opened: found, revision: "HEAD" };
  // Who gives --restart means a container.
  const isContainer = restart && !(await isRevision(session, first));
  return { opened: await openTarget(session, isContainer ? first : undefined), revision: first };
}

function resultJson({ branch, before, after, saved, changes }: RollbackResult, dryRun: boolean): Record<string, unknown> {
  const facts = {
    branch: refText(branch),
    before: before ?? null,
    after,
    saved: saved ?? null,
    changes: changes?.length ?? null,
  };
  return { ...facts, dryRun, paths: dryRun ? (changes ?? []).map(changeJson) : null };
}

/** What a rollback would do beside changing paths. */
function dryText({ branch, before, after }: RollbackResult): string {
  return before === after
    ? `${refText(branch)} would stay at ${shortId(after)}`
    : `${refText(branch)} would move to ${shortId(after)}`;
}

function resultText({ branch, before, after, saved, changes }: RollbackResult): string {
  if (changes?.length === 0 && before === after)
    return `Nothing to roll back: the tree is what ${refText(branch)} holds (${shortId(after)}).`;
  const kept = saved === undefined ? "" : ` What was not committed is kept as ${shortId(saved)}.`;
  const paths = changes === undefined ? "" : `: ${counted(changes.length, "path")} changed`;
  return `Rolled back ${refText(branch)} to ${shortId(after)}${paths}.${kept}\nTake it back: varve undo`;
}
