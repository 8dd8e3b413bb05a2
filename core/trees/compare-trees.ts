import type { ByteString } from "../model/byte-string.js";
import { type Change, isEcho } from "../model/change.js";
import { changeReasons, readToCompare } from "../model/compare-entries.js";
import type { Tree } from "../model/tree.js";
import { detectRenames } from "./detect-renames.js";
import { readAgain } from "./read-again.js";
import { walkTreePair, type NodePair } from "./walk-tree-pair.js";
import { inTurns } from "../turns.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/**
 * Every path that differs, in byte order of path, renames found by content. A directory of which nothing but the mtime changed, because
 * a name in it changed, is left out: it says nothing that its child does not. The root's path is `""`.
 */
export async function compareTrees(before: Tree, after: Tree): Promise<Change[]> {
  const changes: Change[] = [];
  /** For each directory on the way down: its own change, kept back until its children are known, and whether one of them changed. */
  const open: { change: Change | undefined; touched: boolean }[] = [];
  for (const event of walkTreePair(before, after)) {
    if (isTurnDue()) await yieldToSignals();
    if (event.kind === "leave") {
      const directory = open.pop();
      if (directory?.change !== undefined && !isEcho(directory.change.reasons, directory.touched)) changes.push(directory.change);
      continue;
    }
    let change: Change | undefined;
    try {
      const reading = readToCompare(event.before, event.after);
      if (reading !== undefined) await inTurns(reading);
      change = changeOf(event);
    } catch (error) {
      change = await readAgain(event, error, changeOf);
    }
    const parent = open.at(-1);
    if (parent !== undefined && change !== undefined) parent.touched = true;
    if (event.kind === "enter") open.push({ change, touched: false });
    else if (change !== undefined) changes.push(change);
  }
  return inTurns(detectRenames(changes.sort(byPath)));
}

function changeOf({ path, before, after }: NodePair): Change | undefined {
  if (after === undefined) return before && { path, status: "D", reasons: [], before };
  if (before === undefined) return { path, status: "A", reasons: [], after };
  const reasons = changeReasons(before, after);
  if (reasons.length === 0) return undefined;
  return { path, status: reasons.includes("type") ? "T" : "M", reasons, before, after };
}

function byPath(a: { path: ByteString }, b: { path: ByteString }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
