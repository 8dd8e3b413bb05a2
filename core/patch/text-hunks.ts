import type { ByteString } from "../model/byte-string.js";
import { changedLines, type LineChange } from "../text/line-diff.js";

/** A line of a hunk: of both sides, of the one before, or of the one after. With its newline, when it has one. */
export interface HunkLine {
  readonly side: " " | "-" | "+";
  readonly line: ByteString;
}

/** Lines that differ, with some equal ones around. Positions count from 0. */
export interface Hunk {
  readonly beforeStart: number;
  readonly beforeCount: number;
  readonly afterStart: number;
  readonly afterCount: number;
  readonly lines: readonly HunkLine[];
}

/** The hunks of a unified diff. @param context Equal lines around what differs. @throws VarveError INTERRUPTED. */
export async function textHunks(before: readonly ByteString[], after: readonly ByteString[], context: number): Promise<Hunk[]> {
  const groups: LineChange[][] = [];
  for (const change of await changedLines(before, after)) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && change.beforeStart - last.beforeEnd <= 2 * context) groups.at(-1)!.push(change);
    else groups.push([change]);
  }
  return groups.map((changes) => hunkOf(changes, before, after, context));
}

function hunkOf(
  changes: readonly LineChange[],
  before: readonly ByteString[],
  after: readonly ByteString[],
  context: number,
): Hunk {
  const [first, last] = [changes[0]!, changes.at(-1)!];
  const leading = Math.min(context, first.beforeStart);
  const trailing = Math.min(context, before.length - last.beforeEnd);
  const lines: HunkLine[] = [];
  const add = (side: HunkLine["side"], from: readonly ByteString[], start: number, end: number): void => {
    for (let at = start; at < end; at += 1) lines.push({ side, line: from[at]! });
  };
  let at = first.beforeStart - leading;
  for (const change of changes) {
    add(" ", before, at, change.beforeStart);
    add("-", before, change.beforeStart, change.beforeEnd);
    add("+", after, change.afterStart, change.afterEnd);
    at = change.beforeEnd;
  }
  add(" ", before, at, at + trailing);
  const [beforeStart, afterStart] = [first.beforeStart - leading, first.afterStart - leading];
  return {
    beforeStart,
    beforeCount: last.beforeEnd + trailing - beforeStart,
    afterStart,
    afterCount: last.afterEnd + trailing - afterStart,
    lines,
  };
}
