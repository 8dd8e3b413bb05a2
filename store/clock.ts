import { VarveError } from "../core/errors.js";

/** A moment as git writes it. */
export interface GitTime {
  /** Whole seconds since 1970 UTC. */
  readonly seconds: number;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
}

/** The time, or the one that `VARVE_CLOCK` (ISO 8601) pins for tests. */
export function now(): Date {
  const pinned = process.env["VARVE_CLOCK"];
  if (pinned === undefined || pinned === "") return new Date();
  const time = new Date(pinned);
  if (!Number.isNaN(time.getTime())) return time;
  throw new VarveError("USAGE", `Cannot read VARVE_CLOCK "${pinned}": expected a time such as 2001-02-03T04:05:06Z`);
}

/**
 * The time for a commit: SOURCE_DATE_EPOCH (seconds, UTC) when it is set, so that the same work gives the same commit id.
 * @see https://reproducible-builds.org/specs/source-date-epoch/
 */
export function commitTime(): GitTime {
  const pinned = sourceDateEpoch();
  if (pinned !== undefined) return { seconds: pinned, offsetMinutes: 0 };
  const time = now();
  const offset = process.env["VARVE_CLOCK"] ? 0 : 0 - time.getTimezoneOffset();
  return { seconds: Math.floor(time.getTime() / 1000), offsetMinutes: offset };
}

/** SOURCE_DATE_EPOCH in seconds. */
export function sourceDateEpoch(): number | undefined {
  const pinned = process.env["SOURCE_DATE_EPOCH"];
  if (pinned === undefined || pinned === "") return undefined;
  if (/^\d{1,12}$/.test(pinned)) return Number(pinned);
  throw new VarveError("USAGE", `Cannot read SOURCE_DATE_EPOCH "${pinned}": expected whole seconds since 1970`);
}
