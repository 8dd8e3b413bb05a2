import type { ByteString } from "../model/byte-string.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** Lines `beforeStart` to `beforeEnd` became lines `afterStart` to `afterEnd`. Counted from 0, the end not included; one of the two may be empty. */
export interface LineChange {
  readonly beforeStart: number;
  readonly beforeEnd: number;
  readonly afterStart: number;
  readonly afterEnd: number;
}

/** The search takes time and memory with the square of this: a quarter of a second at most. */
const MOST_EDITS = 2000;

type Numbers = readonly number[];

/**
 * Where two texts differ, line by line, in order and never touching: what stands between is equal. As few lines as can be, but in texts that share
 * little, where lines that occur once in both are taken for the same.
 *
 * @throws VarveError INTERRUPTED.
 */
export async function changedLines(before: readonly ByteString[], after: readonly ByteString[]): Promise<LineChange[]> {
  const numbers = new Map<ByteString, number>();
  const numbered = (lines: readonly ByteString[]): number[] =>
    lines.map((line) => {
      const known = numbers.get(line) ?? numbers.size;
      numbers.set(line, known);
      return known;
    });
  const [old, now] = [numbered(before), numbered(after)];
  const { diffArrays } = await import("diff");
  const shortest = (some: Numbers, others: Numbers): ReturnType<typeof diffArrays<number>> | undefined =>
    diffArrays([...some], [...others], { maxEditLength: MOST_EDITS });
  const changes: LineChange[] = [];
  const pending = [trimmed(old, now, { beforeStart: 0, beforeEnd: old.length, afterStart: 0, afterEnd: now.length })];
  for (let range = pending.pop(); range !== undefined; range = pending.pop()) {
    if (isTurnDue()) await yieldToSignals();
    const { beforeStart, beforeEnd, afterStart, afterEnd } = range;
    if (beforeStart === beforeEnd && afterStart === afterEnd) continue;
    if (beforeStart === beforeEnd || afterStart === afterEnd) {
      add(changes, range);
      continue;
    }
    const runs = shortest(old.slice(beforeStart, beforeEnd), now.slice(afterStart, afterEnd));
    if (runs !== undefined) addRuns(changes, range, runs);
    else {
      const parts = splitAtUniqueLines(old, now, range);
      if (parts.length === 1) add(changes, range);
      else for (const part of parts.reverse()) pending.push(trimmed(old, now, part));
    }
  }
  return changes;
}

/** Without the lines that are equal at both ends: most changes are small. */
function trimmed(before: Numbers, after: Numbers, range: LineChange): LineChange {
  let { beforeStart, beforeEnd, afterStart, afterEnd } = range;
  while (beforeStart < beforeEnd && afterStart < afterEnd && before[beforeStart] === after[afterStart]) {
    beforeStart++;
    afterStart++;
  }
  while (beforeStart < beforeEnd && afterStart < afterEnd && before[beforeEnd - 1] === after[afterEnd - 1]) {
    beforeEnd--;
    afterEnd--;
  }
  return { beforeStart, beforeEnd, afterStart, afterEnd };
}

function addRuns(
  changes: LineChange[],
  { beforeStart, afterStart }: LineChange,
  runs: readonly { readonly count: number; readonly added: boolean; readonly removed: boolean }[],
): void {
  let [old, now] = [beforeStart, afterStart];
  for (const { count, added, removed } of runs) {
    const beforeEnd = old + (added ? 0 : count);
    const afterEnd = now + (removed ? 0 : count);
    if (added || removed) add(changes, { beforeStart: old, beforeEnd, afterStart: now, afterEnd });
    [old, now] = [beforeEnd, afterEnd];
  }
}

/** Joins it to the one before when nothing stands between. */
function add(changes: LineChange[], change: LineChange): void {
  const last = changes.at(-1);
  if (last === undefined || last.beforeEnd !== change.beforeStart || last.afterEnd !== change.afterStart) changes.push(change);
  else changes[changes.length - 1] = { ...last, beforeEnd: change.beforeEnd, afterEnd: change.afterEnd };
}

/**
 * The parts between lines that occur once on each side and stand in one order ("patience diff"). An equal line begins the part after it, where it is
 * trimmed. @returns The range itself when there is no such line.
 */
function splitAtUniqueLines(before: Numbers, after: Numbers, range: LineChange): LineChange[] {
  const positions = uniquePositions(after, range.afterStart, range.afterEnd);
  const pairs: [old: number, now: number][] = [];
  for (const [line, old] of uniquePositions(before, range.beforeStart, range.beforeEnd)) {
    const now = positions.get(line);
    if (now !== undefined) pairs.push([old, now]);
  }
  const parts: LineChange[] = [];
  let [beforeStart, afterStart] = [range.beforeStart, range.afterStart];
  for (const [old, now] of longestRising(pairs.sort(([a], [b]) => a - b))) {
    if (old > beforeStart || now > afterStart) parts.push({ beforeStart, beforeEnd: old, afterStart, afterEnd: now });
    [beforeStart, afterStart] = [old, now];
  }
  return [...parts, { ...range, beforeStart, afterStart }];
}

function uniquePositions(lines: Numbers, start: number, end: number): Map<number, number> {
  const found = new Map<number, number>();
  const repeated = new Set<number>();
  for (let at = start; at < end; at++) {
    const line = lines[at]!;
    if (found.has(line)) repeated.add(line);
    else found.set(line, at);
  }
  for (const line of repeated) found.delete(line);
  return found;
}

/** The longest part of `pairs` whose second numbers rise, too: patience sorting. */
function longestRising(pairs: readonly [number, number][]): [number, number][] {
  const tops: number[] = [];
  const previous: number[] = [];
  for (const [index, [, now]] of pairs.entries()) {
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[tops[middle]!]![1] < now) low = middle + 1;
      else high = middle;
    }
    previous.push(low === 0 ? -1 : tops[low - 1]!);
    tops[low] = index;
  }
  const rising: [number, number][] = [];
  for (let at = tops.at(-1) ?? -1; at >= 0; at = previous[at]!) rising.push(pairs[at]!);
  return rising.reverse();
}
