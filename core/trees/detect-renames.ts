import { changeReasons } from "../model/compare-entries.js";
import type { Change } from "../model/change.js";
import type { TreeNode } from "../model/tree.js";

/**
 * Joins a deleted and an added file of one content into a rename: `R`, at the new path, with `from` and what else changed. Each deletion serves one
 * rename, in byte order of path. Empty files are left alone: that they are equal says nothing.
 */
export function detectRenames(changes: readonly Change[]): Change[] {
  const additionSizes = new Set<number>();
  for (const { status, after } of changes) if (status === "A") additionSizes.add(contentSize(after));
  const deleted = new Map<string, Change[]>();
  for (const change of changes) {
    const size = contentSize(change.before);
    if (change.status !== "D" || size === 0 || !additionSizes.has(size)) continue;
    const digest = digestOf(change.before);
    const known = deleted.get(digest);
    if (known === undefined) deleted.set(digest, [change]);
    else known.push(change);
  }
  if (deleted.size === 0) return [...changes];
  const sizes = new Set([...deleted.values()].flat().map(({ before }) => contentSize(before)));
  return pairUp(changes, deleted, sizes);
}

function pairUp(changes: readonly Change[], deleted: ReadonlyMap<string, Change[]>, sizes: ReadonlySet<number>): Change[] {
  const gone = new Set<Change>();
  const result = changes.map((change) => {
    const { status, after } = change;
    if (status !== "A" || after === undefined || !sizes.has(contentSize(after))) return change;
    const origin = deleted.get(digestOf(after))?.shift();
    if (origin?.before === undefined) return change;
    gone.add(origin);
    const reasons = changeReasons(origin.before, after).filter((reason) => reason !== "link");
    return { path: change.path, status: "R", reasons, from: origin.path, before: origin.before, after } satisfies Change;
  });
  return result.filter((change) => !gone.has(change));
}

function contentSize(node: TreeNode | undefined): number {
  return node?.entry.type === "file" ? node.entry.size : 0;
}

function digestOf(node: TreeNode | undefined): string {
  return node !== undefined && "content" in node ? node.content.digest() : "";
}
