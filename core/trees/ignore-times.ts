import type { Change } from "../model/change.js";

export interface WithoutTimes {
  readonly changes: readonly Change[];
  /** How many paths differ in their mtime alone. */
  readonly ignored: number;
}

/** What differs besides mtimes: what a build that ran again changes for nothing. */
export function withoutTimes(changes: readonly Change[]): WithoutTimes {
  const left: Change[] = [];
  for (const change of changes) {
    const reasons = change.reasons.filter((reason) => reason !== "mtime");
    if (change.status === "M" && reasons.length === 0) continue;
    left.push(reasons.length === change.reasons.length ? change : { ...change, reasons });
  }
  return { changes: left, ignored: changes.length - left.length };
}
