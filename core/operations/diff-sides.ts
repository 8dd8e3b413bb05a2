import { isBelowAny } from "../model/paths.js";
import type { ByteString } from "../model/byte-string.js";
import type { Change } from "../model/change.js";
import type { Tree } from "../model/tree.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "./compare-trees.js";
import { openSide, type Side } from "./sides.js";
import { openLiveTree, type Target } from "./targets.js";

export interface Difference {
  readonly changes: readonly Change[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

export interface DiffOptions {
  /** Keeps what stands at or below one of them; none: everything. */
  readonly paths?: readonly ByteString[];
}

export async function diffSides(repository: Repository, before: Side, after: Side, options?: DiffOptions): Promise<Difference> {
  const old = await openSide(repository, before);
  let now: Tree | undefined;
  const close = (): void => [now, old].forEach((tree) => tree?.close());
  try {
    now = await openSide(repository, after);
    return { changes: await compareWithin(old, now, options), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A target against its own HEAD. */
export async function diffTarget(repository: Repository, target: Target, options?: DiffOptions): Promise<Difference> {
  const { committed, live, close } = await openLiveTree(repository, target);
  try {
    return { changes: await compareWithin(committed, live, options), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function compareWithin(before: Tree, after: Tree, { paths = [] }: DiffOptions = {}): Promise<Change[]> {
  const changes = await compareTrees(before, after);
  return changes.filter(({ path, from }) => isBelowAny(path, paths) || (from !== undefined && isBelowAny(from, paths)));
}
