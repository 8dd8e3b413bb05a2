import type { Metadata } from "../../core/model/entry.js";
import type { Signature } from "../../core/model/commit.js";

/** The last second that JavaScript's dates reach, on either side of 1970. */
const LAST_DATE_SECOND = 8_640_000_000_000;

/**
 * An entry's mtime in ISO 8601, UTC, with nine decimals. Seconds are rounded down, so that the decimals count forward also before
 * 1970. Years outside 0 to 9999 have a sign and six digits, as ECMAScript's expanded years.
 *
 * @example
 * isoNanoseconds({ mtimeSeconds: -1, mtimeNanoseconds: 500_000_000 }); // 1969-12-31T23:59:59.500000000Z
 */
export function isoNanoseconds({ mtimeSeconds, mtimeNanoseconds }: Pick<Metadata, "mtimeSeconds" | "mtimeNanoseconds">): string {
  const decimals = String(mtimeNanoseconds).padStart(9, "0");
  // Past what a date can hold (a damaged or hostile file system): no calendar, but nothing lost.
  if (Math.abs(mtimeSeconds) > LAST_DATE_SECOND) return `@${mtimeSeconds}.${decimals}`;
  return `${new Date(mtimeSeconds * 1000).toISOString().slice(0, -5)}.${decimals}Z`;
}

/** A commit's time in ISO 8601 with its own offset: `2001-02-03T06:05:06+02:00`, or `Z`; `@SECONDS` past any calendar. */
export function isoTime({ seconds, offsetMinutes }: Pick<Signature, "seconds" | "offsetMinutes">): string {
  const local = localTime(seconds, offsetMinutes)?.slice(0, -5);
  if (local === undefined) return `@${seconds}`;
  return local + (offsetMinutes === 0 ? "Z" : offsetText(offsetMinutes, ":"));
}

/** For people: `2001-02-03 06:05:06 +0200`. */
export function readableTime({ seconds, offsetMinutes }: Pick<Signature, "seconds" | "offsetMinutes">): string {
  const local = localTime(seconds, offsetMinutes);
  if (local === undefined) return `@${seconds}`;
  return `${local.slice(0, -14)} ${local.slice(-13, -5)} ${offsetText(offsetMinutes, "")}`;
}

/** @returns `undefined` past what a date can hold: git takes any number of seconds for a time. */
function localTime(seconds: number, offsetMinutes: number): string | undefined {
  const time = new Date((seconds + offsetMinutes * 60) * 1000);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function offsetText(minutes: number, separator: string): string {
  const size = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${separator}${two(size % 60)}`;
}
