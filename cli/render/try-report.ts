import type { ByteString } from "../../core/model/byte-string.js";
import type { TryResult } from "../../core/operations/try-command.js";
import type { MachineBound, SkippedPath } from "../../core/ports/machine-files.js";
import type { Session } from "../command.js";
import { printablePath } from "../printable.js";
import type { Terminal } from "../terminal.js";
import { changeJson } from "./change-json.js";
import { commitResultJson } from "./commit-json.js";
import { commitReport } from "./commit-text.js";
import { printJson } from "./json-array.js";
import { jsonPath, shortId } from "./names.js";
import { counted } from "./quantities.js";

/** What became of the changes of a try. */
export function reportTry({ terminal, json }: Session, { trial, decision, commit, applied }: TryResult): void {
  const { exitCode, durationMilliseconds } = trial.result;
  if (json) {
    printJson(terminal, {
      exitCode,
      durationMilliseconds,
      changes: trial.changes.map(changeJson),
      decision,
      commit: commit === undefined ? null : commitResultJson(commit),
      applied: applied === undefined ? null : appliedJson(applied),
    });
    return;
  }
  if (commit !== undefined) terminal.say(commitReport(commit));
  else if (decision === "keep") terminal.say("Nothing to keep: no change was chosen.");
  if (applied !== undefined) reportApplied(terminal, applied);
}

type Applied = NonNullable<TryResult["applied"]>;

function appliedJson({ changes, saved, skipped = [] }: Applied): Record<string, unknown> {
  return {
    changes,
    saved: saved ?? null,
    skipped: skipped.map(({ path, bound }) => ({ ...jsonPath("path", path), reason: reasonText(path, bound) })),
  };
}

function reportApplied(terminal: Terminal, { changes, saved, skipped }: Applied): void {
  for (const line of skippedLines(skipped ?? [])) terminal.say(line);
  if (changes === 0) {
    terminal.say(skipped?.length ? "Nothing was applied." : "Nothing to apply: no change was chosen.");
    return;
  }
  const what = skipped === undefined ? "What was not committed" : "What stood there before";
  const kept = saved === undefined ? "" : ` ${what} is kept as ${shortId(saved)}.`;
  terminal.say(`Applied ${counted(changes, "change")}.${kept}\nTake it back: varve undo`);
}

function reasonText(path: ByteString, { place, reason }: MachineBound): string {
  return path === place ? reason : `is below ${printablePath(place)}, which ${reason}`;
}

/** One for each place that is out of bounds. */
function skippedLines(skipped: readonly SkippedPath[]): readonly string[] {
  const groups = new Map<ByteString, SkippedPath[]>();
  for (const each of skipped) groups.set(each.bound.place, [...(groups.get(each.bound.place) ?? []), each]);
  return [...groups.values()].map((group) => {
    const [{ path, bound }] = group as [SkippedPath];
    if (group.length === 1) return `Left alone: ${printablePath(path)} ${reasonText(path, bound)}.`;
    return `Left alone: ${counted(group.length, "change")} in ${printablePath(bound.place)}, which ${bound.reason}.`;
  });
}
