import { parseCommitId } from "../../core/model/ids.js";
import type { Progress } from "../../core/ports/work-in-progress.js";

const KINDS: ReadonlySet<string> = new Set<Progress["kind"]>(["merge", "cherry-pick", "revert", "rebase", "bisect"]);
const SLOT = /^(directory|bisect|[0-9a-f]{12})$/;

/** A slot becomes a file's name. */
export function isProgressSlot(slot: unknown): boolean {
  return typeof slot === "string" && SLOT.test(slot);
}

/** As far as all kinds have it; the state is checked by the command that reads it. @throws TypeError, RangeError. */
export function checkProgress(value: unknown): Progress {
  const { kind, commits, state } = value as Partial<Record<keyof Progress, unknown>>;
  if (typeof kind !== "string" || !KINDS.has(kind)) throw new TypeError('"kind" is none that is known');
  if (!Array.isArray(commits)) throw new TypeError('"commits" is no list');
  if (typeof state !== "object" || state === null || Array.isArray(state)) throw new TypeError('"state" is no object');
  return { kind: kind as Progress["kind"], commits: commits.map(parseCommitId), state: state as Progress["state"] };
}
