import { VarveError } from "../core/errors.js";
import { readReflogTime } from "../core/revision/reflog-time.js";

const UNIT_MILLISECONDS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @param text `10m`, as docker has it, a time as git reads it, or seconds since 1970. @returns Milliseconds since 1970. @throws VarveError USAGE. */
export function logTimeOf(option: string, text: string, now: number): number {
  const [, number, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (number !== undefined) return now - Number(number) * (UNIT_MILLISECONDS[unit] ?? 0);
  const isExact = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const seconds = isExact ? Date.parse(text) / 1000 : readReflogTime(text, new Date(now));
  if (seconds !== undefined && Number.isFinite(seconds)) return seconds * 1000;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a time, such as 2026-11-27T12:00:00Z, yesterday or 10m`);
}
