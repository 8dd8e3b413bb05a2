import type { ByteString } from "../model/byte-string.js";
import { changeReasons } from "../model/compare-entries.js";
import { nodeAt } from "../model/paths.js";
import type { Tree, TreeNode } from "../model/tree.js";
import { hasMarkers } from "../text/merge-lines.js";
import { bytesOfContent } from "../trees/content-of-bytes.js";
import { isOpen, type ConflictRecord } from "./conflict-state.js";

/** A conflict that nobody has finished, and how that is seen. */
export interface OpenConflict {
  readonly conflict: ConflictRecord;
  /** A part of a sentence: what is still there. */
  readonly why: string;
  /** Where. */
  readonly at: ByteString;
}

/** @param live What stands there now. @param shown The tree that was put before the person. */
export function openConflicts(conflicts: readonly ConflictRecord[], live: Tree, shown: Tree): readonly OpenConflict[] {
  return conflicts.filter(isOpen).flatMap((conflict) => openConflict(conflict, live, shown) ?? []);
}

function openConflict(conflict: ConflictRecord, live: Tree, shown: Tree): OpenConflict | undefined {
  const { path, files, isMarked } = conflict;
  const file = files.find((each) => nodeAt(live, each) !== undefined);
  if (file !== undefined) return { conflict, at: file, why: "is still there" };
  if (files.length > 0) return undefined;
  if (isMarked) return holdsMarkers(nodeAt(live, path)) ? { conflict, at: path, why: "still holds conflict markers" } : undefined;
  const isUntouched = placesOf(conflict).every((place) => isSameNode(nodeAt(live, place), nodeAt(shown, place)));
  return isUntouched ? { conflict, at: path, why: "is as the merge left it" } : undefined;
}

/** Where a person may change something to end a conflict. */
function placesOf({ path, renamed }: ConflictRecord): readonly ByteString[] {
  return [path, ...[renamed?.ours, renamed?.theirs].flatMap((place) => place ?? [])];
}

function isSameNode(a: TreeNode | undefined, b: TreeNode | undefined): boolean {
  return a === undefined || b === undefined ? a === b : changeReasons(a, b).length === 0;
}

const LARGEST_TEXT = 64 << 20;

function holdsMarkers(node: TreeNode | undefined): boolean {
  if (node === undefined || !("content" in node) || node.content.size > LARGEST_TEXT) return false;
  return hasMarkers(bytesOfContent(node.content).toString("latin1") as ByteString);
}
