import { VarveError } from "../errors.js";

/** Some lines of a text. Counted from 0, the end not included. */
export interface LineRange {
  readonly start: number;
  /** May be beyond the text. */
  readonly end: number;
}

/**
 * Ranges in order, none of which touches the next, within a text.
 *
 * @param ranges All of the text when there is none.
 * @throws VarveError USAGE for one that begins behind the last line.
 */
export function clippedRanges(ranges: readonly LineRange[], lines: number): readonly LineRange[] {
  if (ranges.length === 0) return [{ start: 0, end: lines }];
  const clipped: LineRange[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    if (start >= lines) throw beyond(start, lines);
    const last = clipped.at(-1);
    if (last === undefined || start > last.end) clipped.push({ start, end: Math.min(end, lines) });
    else clipped[clipped.length - 1] = { start: last.start, end: Math.min(Math.max(last.end, end), lines) };
  }
  return clipped;
}

function beyond(start: number, lines: number): VarveError {
  const has = `${lines} ${lines === 1 ? "line" : "lines"}`;
  return new VarveError("USAGE", `Cannot blame from line ${start + 1} on: the file has ${has}`);
}
