import { CHANGE_REASONS, type ChangeReason } from "./change.js";
import type { Entry, Metadata, Xattr } from "./entry.js";
import type { Turns } from "../turns.js";
import type { FileContent, LinkGroup, TreeNode } from "./tree.js";

/**
 * Why two nodes of one path differ, in the order of CHANGE_REASONS; empty when they are the same. Of directories only
 * the metadata is compared. Reads a file only when its size is the same and a digest is not known.
 */
export function changeReasons(before: TreeNode, after: TreeNode): readonly ChangeReason[] {
  const found = new Set<ChangeReason>();
  addMetadataReasons(before.entry, after.entry, found);
  if (before.entry.type !== after.entry.type) found.add("type");
  else {
    if ("content" in before && "content" in after && !sameContent(before.content, after.content)) found.add("content");
    if (!sameTarget(before.entry, after.entry) || !sameLinks(linksOf(before), linksOf(after))) found.add("link");
  }
  return found.size === 0 ? NO_REASONS : CHANGE_REASONS.filter((reason) => found.has(reason));
}

/** What is read within a few milliseconds. */
const LONG_BYTES = 1 << 20;

const NO_REASONS: readonly ChangeReason[] = Object.freeze([]);

export function linksOf(node: TreeNode): LinkGroup | undefined {
  return "links" in node ? node.links : undefined;
}

export function sameMetadata(a: Metadata, b: Metadata): boolean {
  const found = new Set<ChangeReason>();
  addMetadataReasons(a, b, found);
  return found.size === 0;
}

function addMetadataReasons(a: Metadata, b: Metadata, found: Set<ChangeReason>): void {
  if (a.mode !== b.mode) found.add("mode");
  if (a.uid !== b.uid || a.gid !== b.gid) found.add("owner");
  if (a.mtimeSeconds !== b.mtimeSeconds || a.mtimeNanoseconds !== b.mtimeNanoseconds) found.add("mtime");
  if (!sameXattrs(a.xattrs, b.xattrs)) found.add("xattr");
}

function sameXattrs(a: readonly Xattr[], b: readonly Xattr[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ name, value }, index) => {
    const other = b[index];
    return other?.name === name && Buffer.compare(value, other.value) === 0;
  });
}

export function sameContent(a: FileContent, b: FileContent): boolean {
  return a === b || (a.size === b.size && (a.knownDigest ?? a.digest()) === (b.knownDigest ?? b.digest()));
}

/**
 * Reads in turns what `sameContent` of two files would read at one go.
 * @returns `undefined` when that is not long, as for most pairs.
 */
export function readToCompare(a: TreeNode | undefined, b: TreeNode | undefined): Turns<void> | undefined {
  if (a === undefined || b === undefined || !("content" in a && "content" in b)) return undefined;
  if (a.content === b.content || a.content.size !== b.content.size) return undefined;
  return isLongToRead(a.content) || isLongToRead(b.content) ? readBoth(a.content, b.content) : undefined;
}

function* readBoth(a: FileContent, b: FileContent): Turns<void> {
  yield* readDigest(a);
  yield* readDigest(b);
}

/** Reads in turns what `digest` would read at one go, when that is long. */
export function* readDigest(content: FileContent): Turns<void> {
  if (isLongToRead(content)) yield* content.digestInTurns?.() ?? [];
}

function isLongToRead(content: FileContent): boolean {
  return content.size > LONG_BYTES && content.knownDigest === undefined;
}

function sameTarget(a: Entry, b: Entry): boolean {
  if (a.type === "symlink") return b.type === "symlink" && a.target === b.target;
  if (!("major" in a)) return true;
  return "major" in b && a.major === b.major && a.minor === b.minor;
}

function sameLinks(a: LinkGroup | undefined, b: LinkGroup | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const names = a.paths();
  const others = b.paths();
  return names === others || (names.length === others.length && names.every((name, index) => name === others[index]));
}
