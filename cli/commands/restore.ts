import { VarveError } from "../../core/errors.js";
import { restorePaths, type RestoreResult } from "../../core/operations/restore-paths.js";
import { headOf } from "../../core/operations/targets.js";
import { command, type Command, type Session } from "../command.js";
import { openTarget } from "../open-target.js";
import { FROM_WHERE, selectionOf } from "../path-words.js";
import { changeJson } from "../render/change-json.js";
import { printDryRun } from "../render/dry-run.js";
import { printJson } from "../render/json-array.js";
import { refText, shortId } from "../render/names.js";
import { counted } from "../render/quantities.js";
import { RESTART_OPTION, restarting } from "../restart-option.js";
import { commitOf } from "../revision-words.js";

export const restoreCommand: Command = command(
  {
    name: "restore",
    form: "[TARGET] [--source REV] -- PATH…",
    summary: "Make paths of a directory or container what they are in a commit",
    description: `Makes each PATH in TARGET's tree, with what stands below it, exactly what it is in REV, by default HEAD; what REV
lacks goes. All else stays as it is, and no branch moves. What was not committed is saved first: "varve undo" brings it back. A
container must not run; --restart stops one that does, and starts it again. PATH is a path or a pattern. ${FROM_WHERE}`,
    words: [{ name: "TARGET", required: false }],
    rest: "paths",
    options: {
      source: { type: "string", alias: "s", value: "REV", describe: "the commit to take the paths from (default: HEAD)" },
      "dry-run": { type: "boolean", alias: "n", describe: "only show what would change" },
      ...RESTART_OPTION,
    },
    examples: [
      ["varve restore -- etc/hosts", "discard what was done to a file since the last commit"],
      ["varve restore --source v1 -- etc '!etc/passwd'", "all of etc but one file, as tag v1 has it"],
      ["varve restore web -n -- '**/*.conf'", "what would be restored in the container web"],
    ],
    statuses: [
      ["20", "no such revision"],
      ["22", "neither the tree nor the commit has such a path"],
      ["32", "the container is running"],
    ],
  },
  async ({ words, rest, options, session }) => {
    if (rest === undefined || rest.length === 0) throw noPaths();
    const opened = await openTarget(session, words[0]);
    const { repository, target } = opened;
    const { branch } = await headOf(repository, target);
    const source = await commitOf(repository, options.source ?? "HEAD", branch);
    const dryRun = options["dry-run"];
    const paths = await selectionOf(rest, repository, [target]);
    await restarting(opened, options, { action: "restore paths of", session }, async (stopped) => {
      const result = await restorePaths(repository, stopped, { source, paths, command: session.typed, dryRun });
      try {
        if (session.json) printRestoreJson(session, result, source);
        else printText(session, result, dryRun);
      } finally {
        result.close();
      }
    });
  },
);

function printRestoreJson({ terminal }: Session, { branch, saved, changes }: RestoreResult, source: string): void {
  printJson(terminal, { branch: refText(branch), source, saved: saved ?? null, changes: changes.map(changeJson) });
}

function printText({ terminal }: Session, { saved, changes }: RestoreResult, dryRun: boolean): void {
  if (changes.length === 0) return terminal.say("Nothing to restore: the paths are what the commit holds.");
  if (dryRun) return printDryRun(terminal, changes);
  const kept = saved === undefined ? "" : ` What was not committed is kept as ${shortId(saved)}.`;
  terminal.say(`Restored ${counted(changes.length, "path")}.${kept}\nTake it back: varve undo`);
}

function noPaths(): VarveError {
  return new VarveError("USAGE", "Cannot restore: no path is given", {
    hint: "Name paths after --, as in `varve restore -- etc/hosts`. To restore all: varve rollback",
  });
}
