import { VarveError } from "../core/errors.js";
import type { LineRange } from "../core/text/line-ranges.js";

/** A whole number from 1, such as `-n 5`. @throws VarveError USAGE. */
export function countOf(option: string, text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a whole number from 1`);
}

/** A whole number from 0, such as `-U 0`. @throws VarveError USAGE. */
export function wholeNumberOf(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a whole number from 0`);
}

/** Seconds, decimals allowed, in milliseconds. @throws VarveError USAGE. */
export function millisecondsOf(option: string, text: string): number {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1000);
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted seconds, such as 10 or 0.5`);
}

const UNIT_BYTES: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** A size as docker writes it: `512m`, `2g`, `1048576`; units of 1024. @throws VarveError USAGE. */
export function bytesOf(option: string, text: string): number {
  const [, number, unit] = /^(\d{1,15}(?:\.\d{1,9})?)([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (UNIT_BYTES[(unit ?? "").toLowerCase()] ?? 1));
  if (number !== undefined && bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a size, such as 512m or 2g`);
}

/** A share of a whole: `5%`, `2.5%`; 0 to 1. @throws VarveError USAGE. */
export function shareOf(option: string, text: string): number {
  const [, number] = /^(\d{1,3}(?:\.\d{1,9})?)%$/.exec(text) ?? [];
  if (number !== undefined && Number(number) <= 100) return Number(number) / 100;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a share, such as 5%`);
}

/** A share of processors, such as `1.5`. @throws VarveError USAGE. */
export function cpusOf(option: string, text: string): number {
  const cpus = /^\d{1,5}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  if (cpus >= 0.01) return cpus;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted a number of processors, such as 1.5`);
}

/** One of a few words. @throws VarveError USAGE. */
export function choiceOf<Choice extends string>(option: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted ${choices.join(" or ")}`);
}

const UNIT_MILLISECONDS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** An age such as `30d`, `12h` or `2w`, in milliseconds; `now` is 0. @throws VarveError USAGE. */
export function ageOf(option: string, text: string): number {
  if (text === "now") return 0;
  const [, number, unit = ""] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (UNIT_MILLISECONDS[unit] ?? 0);
  throw new VarveError("USAGE", `Cannot read ${option} "${text}": wanted an age, such as 30d, 12h, 2w or now`);
}

/**
 * Lines as git's -L takes them: `10,20`, `10,+5` (five from 10 on), `20,-5` (five up to 20), `10` and `10,` (to the end), `,20`.
 * @throws VarveError USAGE.
 */
export function lineRangeOf(option: string, text: string): LineRange {
  const [, first = "", comma, sign = "", second = ""] = /^(\d{1,9})?(?:(,)(?:([+-])?(\d{1,9}))?)?$/.exec(text) ?? [];
  const start = first === "" ? 1 : Number(first);
  const last = second === "" ? undefined : Number(second);
  const isRead = first !== "" || (comma !== undefined && sign === "" && last !== undefined);
  if (!isRead || start === 0 || last === 0) throw noLines(option, text);
  if (last === undefined) return { start: start - 1, end: Infinity };
  if (sign === "+") return { start: start - 1, end: start - 1 + last };
  if (sign === "-") return { start: Math.max(0, start - last), end: start };
  return { start: Math.min(start, last) - 1, end: Math.max(start, last) };
}

function noLines(option: string, text: string): VarveError {
  return new VarveError("USAGE", `Cannot read ${option} "${text}": wanted lines, such as 10,20 or 10,+5 or 10,`, {
    hint: "Lines count from 1. Patterns are not looked for.",
  });
}
