import type { Change } from "../../core/model/change.js";

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

function isWhole({ status, before, after }: Change): boolean {
  return (status === "A" && after?.entry.type === "directory") || (status === "D" && before?.entry.type === "directory");
}

function key({ status }: Change, path: string): string {
  return `${status}/${path}`;
}
