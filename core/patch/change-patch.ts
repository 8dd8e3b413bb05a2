import type { ByteString } from "../model/byte-string.js";
import type { Change, ChangeReason } from "../model/change.js";
import type { Entry } from "../model/entry.js";
import type { FileContent, TreeNode } from "../model/tree.js";
import { contentDifference, type ContentDifference } from "./content-difference.js";

/** Git's modes for what a patch can make: regular files and symlinks. */
export type GitMode = "100644" | "100755" | "120000";

/** One file's part of a patch. */
export interface FilePatch {
  readonly kind: "add" | "delete" | "modify" | "rename" | "copy";
  /** Another than `path` for renames and copies alone. */
  readonly from: ByteString;
  readonly path: ByteString;
  readonly beforeMode: GitMode | undefined;
  readonly afterMode: GitMode | undefined;
  /** Absent where the content is the same. */
  readonly content: ContentDifference | undefined;
}

export interface ChangePatch {
  readonly change: Change;
  /** None for what a patch can't hold, such as directories; two for a file in the place of a symlink. */
  readonly files: readonly FilePatch[];
  /** What else differs, and can only be told. */
  readonly told: readonly ChangeReason[];
}

/** What a patch says of one change. @param context Equal lines around what differs. @throws VarveError SOURCE_CHANGED, INTERRUPTED. */
export async function changePatch(change: Change, context: number): Promise<ChangePatch> {
  return { change, files: await filePatches(change, context), told: toldReasons(change) };
}

async function filePatches({ status, path, from = path, before, after }: Change, context: number): Promise<FilePatch[]> {
  const [beforeMode, afterMode] = [gitMode(before?.entry), gitMode(after?.entry)];
  const patch = async (kind: FilePatch["kind"], old: TreeNode | undefined, now: TreeNode | undefined): Promise<FilePatch> => {
    const [a, b] = [old && contentOf(old), now && contentOf(now)];
    const content = await contentDifference({ before: a, after: b }, context);
    return { kind, from, path, beforeMode: old && beforeMode, afterMode: now && afterMode, content };
  };
  if (status === "R" || status === "C") {
    return [{ kind: status === "R" ? "rename" : "copy", from, path, beforeMode, afterMode, content: undefined }];
  }
  const isSameType = status !== "T" && beforeMode !== undefined && afterMode !== undefined;
  if (isSameType) {
    if (isSameContent(before, after)) {
      return beforeMode === afterMode ? [] : [{ kind: "modify", from, path, beforeMode, afterMode, content: undefined }];
    }
    return [await patch("modify", before, after)];
  }
  const found: FilePatch[] = [];
  if (beforeMode !== undefined) found.push(await patch("delete", before, undefined));
  if (afterMode !== undefined) found.push(await patch("add", undefined, after));
  return found;
}

function isSameContent(before: TreeNode | undefined, after: TreeNode | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  const [old, now] = [contentOf(before), contentOf(after)];
  if (typeof old === "string" || typeof now === "string") return old === now;
  return old === now || (old?.size === now?.size && old?.digest() === now?.digest());
}

/** A file's, or a symlink's target. */
function contentOf(node: TreeNode): FileContent | ByteString | undefined {
  if ("content" in node) return node.content;
  return node.entry.type === "symlink" ? node.entry.target : undefined;
}

/** `undefined` for what git has no mode for. */
export function gitMode(entry: Entry | undefined): GitMode | undefined {
  if (entry?.type === "symlink") return "120000";
  if (entry?.type !== "file") return undefined;
  return (entry.mode & 0o100) === 0 ? "100644" : "100755";
}

/** Git's modes tell of one bit. A time is worth a word where nothing else differs. */
function toldReasons({ reasons, before, after }: Change): ChangeReason[] {
  const isSymlink = before?.entry.type === "symlink" && after?.entry.type === "symlink";
  const isWholeMode = isPlainMode(before?.entry) && isPlainMode(after?.entry);
  return reasons.filter((reason) => {
    if (reason === "content" || (reason === "link" && isSymlink)) return false;
    if (reason === "mtime") return reasons.length === 1;
    return reason !== "mode" || !isWholeMode;
  });
}

function isPlainMode(entry: Entry | undefined): boolean {
  return entry?.type === "file" && (entry.mode === 0o644 || entry.mode === 0o755);
}
