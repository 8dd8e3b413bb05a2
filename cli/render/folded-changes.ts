import type { ByteString } from "../../core/model/byte-string.js";
import type { Change } from "../../core/model/change.js";
import { changeReasons } from "../../core/model/compare-entries.js";
import { nodeAt } from "../../core/model/paths.js";
import type { DirectoryNode, TreeNode } from "../../core/model/tree.js";

export interface FoldedChange {
  readonly change: Change;
  /** How many changes below it are not shown by themselves. */
  readonly below: number;
}

/** A directory that came or went is shown once, with the number of what came or went with it: nobody reads 10,000 lines. */
export function foldChanges(changes: readonly Change[]): readonly FoldedChange[] {
  const tops = new Map<string, { change: Change; below: number }>();
  const folded: { change: Change; below: number }[] = [];
  for (const change of changes) {
    const top = topOf(change, tops);
    if (top !== undefined) {
      top.below += 1;
      if (isWhole(change)) tops.set(key(change, change.path), top);
      continue;
    }
    const row = { change, below: 0 };
    folded.push(row);
    if (isWhole(change)) tops.set(key(change, change.path), row);
  }
  return folded;
}

/** In byte order of path, a directory comes before what is in it, though not always straight before. */
function topOf(
  change: Change,
  tops: ReadonlyMap<string, { change: Change; below: number }>,
): { change: Change; below: number } | undefined {
  if (change.status !== "A" && change.status !== "D") return undefined;
  const slash = change.path.lastIndexOf("/");
  return slash === -1 ? undefined : tops.get(key(change, change.path.slice(0, slash)));
}

/**
 * A directory whose files were all renamed in the same way is shown once, as renamed itself, with the number of what went with it. What changed
 * otherwise, too, is shown by itself.
 */
export function foldRenames(changes: readonly Change[]): readonly FoldedChange[] {
  const renames = wholeRenames(changes);
  if (renames.size === 0) return changes.map((change) => ({ change, below: 0 }));
  const folded: { change: Change; below: number }[] = [];
  const shown = new Map<string, { change: Change; below: number }>();
  for (const [from, { path, old, now }] of renames) {
    const reasons = changeReasons(old, now).filter((reason) => reason !== "mtime");
    shown.set(from, { change: { path, status: "R", reasons, from, before: old, after: now }, below: 0 });
  }
  for (const change of changes) {
    const top = shown.get(renamedAbove(change, renames) ?? "\0");
    const isSaid = change.status !== "R" || change.reasons.every((reason) => reason === "mtime");
    if (top === undefined || !isSaid) folded.push({ change, below: 0 });
    else if (change.path === top.change.path) folded.push(top);
    else if (change.status !== "A" && change.path !== top.change.from) top.below += 1;
  }
  return folded;
}

interface DirectoryRename {
  readonly path: ByteString;
  readonly old: TreeNode;
  readonly now: TreeNode;
}

/** By the path before. */
function wholeRenames(changes: readonly Change[]): ReadonlyMap<ByteString, DirectoryRename> {
  const [added, deleted] = [new Map<string, Change>(), new Map<string, Change>()];
  for (const change of changes) {
    if (change.status === "A") added.set(change.path, change);
    if (change.status === "D") deleted.set(change.path, change);
  }
  const found = new Map<ByteString, DirectoryRename>();
  for (const { status, path, from } of changes) {
    if (status !== "R" || from === undefined) continue;
    const [top, target] = withoutCommonEnd(from, path);
    const [old, now] = [deleted.get(top)?.before, added.get(target)?.after];
    if (old?.entry.type === "directory" && now?.entry.type === "directory" && !found.has(top))
      found.set(top, { path: target, old, now });
  }
  for (const change of changes) {
    const gone = change.from ?? change.path;
    if (change.status !== "R" && change.status !== "D") continue;
    for (const top of aboveOrSelf(gone)) {
      const rename = found.get(top);
      if (rename !== undefined && !wentAlong(change, gone, top, rename, added)) found.delete(top);
    }
  }
  return found;
}

function wentAlong(
  { status, path, before }: Change,
  gone: ByteString,
  top: ByteString,
  rename: DirectoryRename,
  added: ReadonlyMap<string, Change>,
): boolean {
  const wanted = rename.path + gone.slice(top.length);
  if (status === "R") return path === wanted;
  const now = added.get(wanted)?.after;
  if (now === undefined || before === undefined) return false;
  return now.entry.type === before.entry.type && changeReasons(before, now).every((reason) => reason === "mtime");
}

/** The path before of the directory that a change is told with. */
function renamedAbove(change: Change, renames: ReadonlyMap<ByteString, DirectoryRename>): ByteString | undefined {
  if (change.status === "R" || change.status === "D")
    return aboveOrSelf(change.from ?? change.path).find((path) => renames.has(path));
  if (change.status !== "A") return undefined;
  for (const [from, { path, old }] of renames) {
    if (change.path !== path && !change.path.startsWith(`${path}/`)) continue;
    // What came besides is told by itself.
    return (
      nodeAt({ root: old as DirectoryNode, close: () => undefined }, change.path.slice(path.length + 1) as ByteString) && from
    );
  }
  return undefined;
}

/** `a/b/f` and `c/b/f`: `a` and `c`. */
function withoutCommonEnd(one: ByteString, other: ByteString): [ByteString, ByteString] {
  const [a, b] = [one.split("/"), other.split("/")];
  while (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-1)) {
    a.pop();
    b.pop();
  }
  return [a.join("/") as ByteString, b.join("/") as ByteString];
}

/** `a/b/c`: `a`, `a/b`, `a/b/c`. */
function aboveOrSelf(path: ByteString): ByteString[] {
  const found: ByteString[] = [];
  for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) found.push(path.slice(0, end) as ByteString);
  return [...found, path];
}

function isWhole({ status, before, after }: Change): boolean {
  return (status === "A" && after?.entry.type === "directory") || (status === "D" && before?.entry.type === "directory");
}

function key({ status }: Change, path: string): string {
  return `${status}/${path}`;
}
