import type { Change } from "../model/change.js";
import type { Tree } from "../model/tree.js";
import { ALL_PATHS, type PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import { compareTrees } from "../trees/compare-trees.js";
import { detectCopies } from "../trees/detect-copies.js";
import { withoutTimes } from "../trees/ignore-times.js";
import { openOutside, type OutsideReaders, type OutsideSource } from "./outside-source.js";
import { openSide, type AnySide } from "./sides.js";
import { openLiveTree, type Target } from "./targets.js";

export interface Difference {
  readonly changes: readonly Change[];
  /** Paths that are left out of the changes, since their mtime alone differs. */
  readonly ignoredTimes: number;
  /** Both trees, to be read until `close`. */
  readonly before: Tree;
  readonly after: Tree;
  /** Whole sentences for people, of trees from outside. */
  readonly warnings: readonly string[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

export interface DiffOptions {
  /** Keeps what it selects; absent: everything. */
  readonly paths?: PathSelection;
  /** Whether copies are told from other added files: of what changed, by default, or of all, which takes a walk through the old tree. */
  readonly copies?: "none" | "of-changed" | "of-all";
  /** Leaves out what differs in mtime alone. */
  readonly ignoreTimes?: boolean;
  /** Swaps the sides: what leads from the second tree to the first. */
  readonly reverse?: boolean;
}

/** @param repository All of it for sides of a store. */
export async function diffSides(
  repository: Repository,
  before: AnySide,
  after: AnySide,
  options?: DiffOptions,
): Promise<Difference> {
  const open = (side: AnySide): Promise<WarningTree> =>
    side.kind === "outside" ? openOutside(repository, side.source) : openSide(repository, side);
  const difference = await diffOpened(
    () => open(before),
    () => open(after),
    options,
  );
  const isFirst = [before, after].some((side) => side.kind === "commit" && side.commit === undefined);
  return isFirst ? withoutRoot(difference) : difference;
}

/** Two trees of which no store is needed. */
export async function diffOutside(
  readers: OutsideReaders,
  before: OutsideSource,
  after: OutsideSource,
  options?: DiffOptions,
): Promise<Difference> {
  return diffOpened(
    () => openOutside(readers, before),
    () => openOutside(readers, after),
    options,
  );
}

/** A target against its own HEAD. */
export async function diffTarget(repository: Repository, target: Target, options?: DiffOptions): Promise<Difference> {
  const { head, committed, live, close } = await openLiveTree(repository, target);
  try {
    const difference = { ...(await compareWithin(committed, live, options)), warnings: [], close };
    return head.commit === undefined ? withoutRoot(difference) : difference;
  } catch (error) {
    close();
    throw error;
  }
}

type WarningTree = Tree & { readonly warnings?: readonly string[] };

async function diffOpened(
  openBefore: () => Promise<WarningTree>,
  openAfter: () => Promise<WarningTree>,
  options?: DiffOptions,
): Promise<Difference> {
  const before = await openBefore();
  let after: WarningTree | undefined;
  const close = (): void => [after, before].forEach((tree) => tree?.close());
  try {
    after = await openAfter();
    const found = await compareWithin(before, after, options);
    return { ...found, warnings: [...(before.warnings ?? []), ...(after.warnings ?? [])], close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The root directory is there before the first commit too. */
function withoutRoot(difference: Difference): Difference {
  return { ...difference, changes: difference.changes.filter(({ path }) => path !== "") };
}

async function compareWithin(
  first: Tree,
  second: Tree,
  { paths = ALL_PATHS, copies = "of-changed", ignoreTimes = false, reverse = false }: DiffOptions = {},
): Promise<Pick<Difference, "before" | "after" | "changes" | "ignoredTimes">> {
  const [before, after] = reverse ? [second, first] : [first, second];
  const found = await compareTrees(before, after);
  const all = copies === "none" ? found : await detectCopies(found, before, copies === "of-all");
  const changes = all.filter(
    ({ path, from, status }) => paths.has(path) || (status === "R" && from !== undefined && paths.has(from)),
  );
  if (!ignoreTimes) return { before, after, changes, ignoredTimes: 0 };
  const { changes: left, ignored } = withoutTimes(changes);
  return { before, after, changes: left, ignoredTimes: ignored };
}
