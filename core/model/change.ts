import type { ByteString } from "./byte-string.js";
import type { TreeNode } from "./tree.js";

/** In the order in which they are printed. `link`: a symlink's target, a device's number, or which names share the inode. */
export const CHANGE_REASONS = ["content", "type", "mode", "owner", "xattr", "mtime", "link"] as const;
export type ChangeReason = (typeof CHANGE_REASONS)[number];

/** Added, modified, deleted, type changed, renamed, copied. */
export type ChangeStatus = "A" | "M" | "D" | "T" | "R" | "C";

export interface Change {
  readonly path: ByteString;
  readonly status: ChangeStatus;
  /** Empty for A and D. */
  readonly reasons: readonly ChangeReason[];
  /** The path before, for R; for C the path in the old tree of what it is a copy of. */
  readonly from?: ByteString;
  /** Absent for A. For C, what it is a copy of. */
  readonly before?: TreeNode;
  /** Absent for D. */
  readonly after?: TreeNode;
}

/** Whether a directory's change only repeats what its children's say: its mtime moved, because a name in it changed. */
export function isEcho(reasons: readonly ChangeReason[], childChanged: boolean): boolean {
  return childChanged && reasons.length === 1 && reasons[0] === "mtime";
}
