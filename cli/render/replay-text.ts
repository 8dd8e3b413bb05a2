import type { AbortedReplay } from "../../core/operations/rewriting/end-replay.js";
import type { ReplayKind } from "../../core/operations/rewriting/replay-state.js";
import type { ReplayResult } from "../../core/operations/rewriting/replay-target.js";
import { conflictJson, noteJson } from "./conflict-json.js";
import { refText, shortId } from "./names.js";
import { counted } from "./quantities.js";

/** What `cherry-pick`, `revert` and `rebase` print with --json: docs/json.md, "cherry-pick, revert, rebase". */
export function replayJson(result: ReplayResult): Record<string, unknown> {
  const { kind, branch, before, after, replayed, dropped, skipped, stoppedAt, left, conflicts, notes, configConflicts, saved } =
    result;
  return {
    result: kind,
    branch: refText(branch),
    before: before ?? null,
    commit: after ?? null,
    ...{ replayed, dropped },
    skipped: skipped ?? null,
    stoppedAt: stoppedAt ?? null,
    left,
    conflicts: conflicts.map(conflictJson),
    notes: notes.map(noteJson),
    configConflicts,
    saved: saved ?? null,
  };
}

export function abortedJson({ branch, commit, saved, changes }: AbortedReplay): Record<string, unknown> {
  return { branch: refText(branch), commit: commit ?? null, saved: saved ?? null, changes };
}

const DONE: Readonly<Record<ReplayKind, string>> = { "cherry-pick": "Picked", revert: "Reverted", rebase: "Rebased" };

/** What was done, without conflicts, which are told by themselves. */
export function replayText(kind: ReplayKind, result: ReplayResult): string {
  const { dropped, skipped, stoppedAt, left, conflicts, before, after } = result;
  const done = doneText(kind, result);
  const lines = [
    ...(skipped === undefined ? [] : [`Skipped ${shortId(skipped)}.`]),
    ...(done === undefined ? [] : [done]),
    ...dropped.map((commit) => `${shortId(commit)} changes nothing here, and was left out.`),
  ];
  if (result.kind === "done")
    return [...lines, ...(before === after && skipped === undefined ? [] : ["Take it back: varve undo"])].join("\n");
  const what = stoppedAt === undefined ? "what is not committed" : shortId(stoppedAt);
  const more = left === 0 ? "" : `, ${counted(left, "more commit")} to come`;
  return [...lines, `Stopped at ${what}: ${counted(conflicts.length, "conflict")} to resolve${more}.`].join("\n");
}

/** @returns `undefined` when there is nothing to tell beside what was left out, or where it stopped. */
function doneText(kind: ReplayKind, { branch, before, after, replayed, dropped, stoppedAt }: ReplayResult): string | undefined {
  const at = after === undefined ? "" : `: ${refText(branch)} is at ${shortId(after)}`;
  if (replayed.length > 0) return `${DONE[kind]} ${counted(replayed.length, "commit")}${at}.`;
  if (stoppedAt !== undefined || before === after) return undefined;
  const how = kind === "rebase" && dropped.length === 0 ? " (fast-forward)" : "";
  return after === undefined ? undefined : `Moved ${refText(branch)} to ${shortId(after)}${how}.`;
}

/** @param target A space and TARGET, as it was typed; or nothing. */
export function nextText(kind: ReplayKind, target: string): string {
  return `Edit them, or take a side: varve resolve${target} --ours|--theirs|--base -- PATH
Then: varve ${kind}${target} --continue; without it: varve ${kind}${target} --skip; back to the start: varve ${kind}${target} --abort`;
}

export function abortedText(kind: ReplayKind, { branch, commit, saved, changes }: AbortedReplay): string {
  const at = commit === undefined ? "" : ` at ${shortId(commit)}`;
  const kept = saved === undefined ? "" : ` What stood there is kept as ${shortId(saved)}.`;
  return `Gave the ${kind} up: ${refText(branch)} is${at} again, ${counted(changes, "path")} changed.${kept}\nTake it back: varve undo`;
}
