import type { Change } from "../model/change.js";
import type { Tree } from "../model/tree.js";
import { ALL_PATHS, type PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { openSide, type Side } from "./sides.js";
import { openLiveTree, type Target } from "./targets.js";

export interface Difference {
  readonly changes: readonly Change[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

export interface DiffOptions {
  /** Keeps what it selects; absent: everything. */
  readonly paths?: PathSelection;
}

export async function diffSides(repository: Repository, before: Side, after: Side, options?: DiffOptions): Promise<Difference> {
  const old = await openSide(repository, before);
  let now: Tree | undefined;
  const close = (): void => [now, old].forEach((tree) => tree?.close());
  try {
    now = await openSide(repository, after);
    const changes = await compareWithin(old, now, options);
    const isFirst = before.kind === "commit" && before.commit === undefined;
    return { changes: isFirst ? withoutRoot(changes) : changes, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A target against its own HEAD. */
export async function diffTarget(repository: Repository, target: Target, options?: DiffOptions): Promise<Difference> {
  const { head, committed, live, close } = await openLiveTree(repository, target);
  try {
    const changes = await compareWithin(committed, live, options);
    return { changes: head.commit === undefined ? withoutRoot(changes) : changes, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The root directory is there before the first commit too. */
function withoutRoot(changes: readonly Change[]): readonly Change[] {
  return changes.filter(({ path }) => path !== "");
}

async function compareWithin(before: Tree, after: Tree, { paths = ALL_PATHS }: DiffOptions = {}): Promise<Change[]> {
  const changes = await compareTrees(before, after);
  return changes.filter(({ path, from }) => paths.has(path) || (from !== undefined && paths.has(from)));
}
