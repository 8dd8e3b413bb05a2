import type { ByteString } from "../model/byte-string.js";
import type { TreeNode } from "../model/tree.js";

/** What two sides can disagree on, in the order in which it is told. */
export const CONFLICT_KINDS = [
  "content", // both changed a file's content, a symlink's target or a device's number
  "mode",
  "owner",
  "xattr",
  "add/add", // both added the path, not the same
  "delete/modify", // one side deleted what the other changed
  "directory/file", // a directory on one side, and something else that was changed or added on the other
  "type", // two types other than directories
  "rename/rename", // renamed differently
  "rename/delete", // renamed by one side, deleted by the other
  "hardlink", // names of one inode on one side, parted otherwise on the other
] as const;
export type ConflictKind = (typeof CONFLICT_KINDS)[number];

/** A property that both sides changed. */
export type Disputed = "content" | "mode" | "owner" | "xattr";

/** A path that needs a person. The merged tree has what ours has there, or a text with markers. */
export interface MergeConflict {
  readonly path: ByteString;
  readonly kind: ConflictKind;
  /** What the sides disagree on, for people: sentences without a full stop. They quote bytes of the trees. */
  readonly details: readonly string[];
  /** Which properties, where both sides have the path and the same type there; empty when it is about more than that. */
  readonly disputed: readonly Disputed[];
  /** Whether the merged tree's file there has conflict markers. */
  readonly isMarked: boolean;
  /** What the trees have there, or had before they renamed it; absent where they have nothing. */
  readonly base: TreeNode | undefined;
  readonly ours: TreeNode | undefined;
  readonly theirs: TreeNode | undefined;
  readonly renamed?: Renamed;
}

/** Where a file stood in the base, and where the sides moved it: of those that did. */
export interface Renamed {
  readonly from: ByteString;
  readonly ours?: ByteString;
  readonly theirs?: ByteString;
}

/** Something that was decided and that a person should know. */
export interface MergeNote {
  readonly path: ByteString;
  /** A sentence without a full stop. */
  readonly text: string;
}
