import { changeReasons, readDigest } from "../model/compare-entries.js";
import type { Change } from "../model/change.js";
import type { Turns } from "../turns.js";
import type { TreeNode } from "../model/tree.js";

/**
 * Joins a deleted and an added file of one content into a rename: `R`, at the new path, with `from` and what else changed. Each deletion serves one
 * rename, in byte order of path. Empty files are left alone: that they are equal says nothing.
 */
export function* detectRenames(changes: readonly Change[]): Turns<Change[]> {
  const additionSizes = new Set<number>();
  for (const { status, after } of changes) if (status === "A") additionSizes.add(contentSize(after));
  const deleted = new Map<string, Change[]>();
  for (const change of changes) {
    const size = contentSize(change.before);
    if (change.status !== "D" || size === 0 || !additionSizes.has(size)) continue;
    const digest = yield* digestOf(change.before);
    const known = deleted.get(digest);
    if (known === undefined) deleted.set(digest, [change]);
    else known.push(change);
  }
  if (deleted.size === 0) return [...changes];
  const sizes = new Set([...deleted.values()].flat().map(({ before }) => contentSize(before)));
  return yield* pairUp(changes, deleted, sizes);
}

function* pairUp(
  changes: readonly Change[],
  deleted: ReadonlyMap<string, Change[]>,
  sizes: ReadonlySet<number>,
): Turns<Change[]> {
  const gone = new Set<Change>();
  const result: Change[] = [];
  for (const change of changes) {
    const { status, after } = change;
    const mayBeRenamed = status === "A" && after !== undefined && sizes.has(contentSize(after));
    const origin = mayBeRenamed ? deleted.get(yield* digestOf(after))?.shift() : undefined;
    if (origin !== undefined) gone.add(origin);
    result.push(origin === undefined ? change : renamed(origin, change));
  }
  return result.filter((change) => !gone.has(change));
}

function renamed(origin: Change, change: Change): Change {
  const { path, before } = origin;
  const { after } = change;
  if (before === undefined || after === undefined) return change;
  const reasons = changeReasons(before, after).filter((reason) => reason !== "link");
  return { path: change.path, status: "R", reasons, from: path, before, after };
}

function contentSize(node: TreeNode | undefined): number {
  return node?.entry.type === "file" ? node.entry.size : 0;
}

function* digestOf(node: TreeNode | undefined): Turns<string> {
  if (node === undefined || !("content" in node)) return "";
  yield* readDigest(node.content);
  return node.content.digest();
}
