import { VarveError } from "../errors.js";
import { conflictStateOf, isOpen, type ConflictRecord, type ConflictState } from "../merge/conflict-state.js";
import { openConflicts } from "../merge/open-conflicts.js";
import type { MergedTrees } from "../merge/triple.js";
import { resolvedTree } from "../merge/resolved-tree.js";
import { openMergeBase } from "../merge/virtual-base.js";
import { treePathText } from "../model/paths.js";
import type { Tree } from "../model/tree.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { Repository } from "../ports/repository.js";
import type { Progress } from "../ports/work-in-progress.js";
import { requireStopped } from "./container-state.js";
import { recordOperation } from "./record-operation.js";
import { replaceTree } from "./replace-tree.js";
import { openCommitTree, openLiveTree, slotOf, type LiveTree, type Target } from "./targets.js";

export interface ResolveOptions {
  readonly paths: PathSelection;
  /** Whose version is to stand there; `undefined`: what stands there is right. */
  readonly side: keyof MergedTrees | undefined;
  /** What the person typed, for the operation log. */
  readonly command: string;
}

export interface ResolveResult {
  readonly resolved: readonly ConflictRecord[];
  /** How many are left. */
  readonly left: number;
  /** What to go on with: `merge`. */
  readonly kind: Progress["kind"];
  /** Holds what was not committed and is gone from the tree now. */
  readonly saved: string | undefined;
}

/**
 * Ends conflicts: puts a side's version in place, or takes what stands there, and removes the files that showed them.
 *
 * @throws VarveError NOTHING_IN_PROGRESS; CONFLICT when what stands there still has markers; PATH_MISSING when none is selected; CONTAINER_RUNNING.
 */
export async function resolveConflicts(repository: Repository, target: Target, options: ResolveOptions): Promise<ResolveResult> {
  if (target.kind === "container") requireStopped(target, "resolve conflicts in");
  return repository.exclusively(async () => {
    const opened: { close(): void }[] = [];
    const keep = <T extends { close(): void }>(tree: T): T => {
      opened.push(tree);
      return tree;
    };
    try {
      const progress = repository.inProgress.read(slotOf(target));
      const state = progress && conflictStateOf(progress);
      if (progress === undefined || state === undefined) throw noConflicts();
      const shown = keep(await openCommitTree(repository, state.shown));
      const trees = keep(await openLiveTree(repository, target, { tracked: [shown] }));
      const chosen = chosenConflicts(state, options.paths);
      if (options.side === undefined) requireFinished(chosen, trees.live, shown);
      const versions = options.side && keep(await openVersions(repository, state, options.side));
      const resolved = { live: trees.live, committed: trees.committed, versions };
      const wanted = resolvedTree(resolved, chosen, options.side);
      return await new Resolution(repository, target, trees, progress, state).record(chosen, wanted, options);
    } finally {
      for (const tree of opened.reverse()) tree.close();
    }
  });
}

function chosenConflicts({ conflicts }: ConflictState, paths: PathSelection): readonly ConflictRecord[] {
  const chosen = conflicts.filter(
    (each) =>
      isOpen(each) &&
      [each.path, ...each.files, each.renamed?.ours, each.renamed?.theirs].some((path) => path !== undefined && paths.has(path)),
  );
  if (chosen.length > 0) return chosen;
  const [place] = paths.places ?? [];
  const what = place === undefined ? "no path that is selected is in conflict" : `"${treePathText(place)}" is not in conflict`;
  throw new VarveError("PATH_MISSING", `Cannot resolve the conflict: ${what}`, {
    hint: "`varve status` lists the conflicts that are left.",
  });
}

function requireFinished(chosen: readonly ConflictRecord[], live: Tree, shown: Tree): void {
  const marked = openConflicts(
    chosen.filter(({ isMarked }) => isMarked),
    live,
    shown,
  );
  const [first] = marked;
  if (first === undefined) return;
  throw new VarveError("CONFLICT", `Cannot resolve "${treePathText(first.at)}": it ${first.why}`, {
    path: treePathText(first.at),
    hint: "Edit the file, or take a side: varve resolve --ours, --theirs or --base.",
  });
}

function noConflicts(): VarveError {
  return new VarveError("NOTHING_IN_PROGRESS", "Cannot resolve a conflict: none is waiting", {
    hint: "Conflicts come from `varve merge` and its like; `varve status` lists them.",
  });
}

async function openVersions(repository: Repository, { sides }: ConflictState, side: keyof MergedTrees): Promise<Tree> {
  if (side !== "base") return openCommitTree(repository, sides[side]);
  const opened: Tree[] = [];
  const { history } = repository;
  const open = (commit: Parameters<typeof openCommitTree>[1]): Promise<Tree> => openCommitTree(repository, commit);
  const close = (): void => opened.forEach((tree) => tree.close());
  try {
    const { root } = await openMergeBase({ history, open }, sides.bases, opened);
    return { root, close };
  } catch (error) {
    close();
    throw error;
  }
}

class Resolution {
  readonly #repository: Repository;
  readonly #target: Target;
  readonly #trees: LiveTree;
  readonly #progress: Progress;
  readonly #state: ConflictState;

  constructor(repository: Repository, target: Target, trees: LiveTree, progress: Progress, state: ConflictState) {
    this.#repository = repository;
    this.#target = target;
    this.#trees = trees;
    this.#progress = progress;
    this.#state = state;
  }

  async record(chosen: readonly ConflictRecord[], wanted: Tree | undefined, { command }: ResolveOptions): Promise<ResolveResult> {
    const conflicts = this.#state.conflicts.map((each) => (chosen.includes(each) ? { ...each, isResolved: true } : each));
    const after: Progress = { ...this.#progress, state: { ...this.#progress.state, conflicts } };
    const progress = [{ slot: slotOf(this.#target), before: this.#progress, after }];
    let saved: string | undefined;
    if (wanted === undefined) await recordOperation(this.#repository, { command, refs: [], trees: [], progress });
    else saved = await replaceTree(this.#repository, this.#target, this.#trees, wanted, { command, progress });
    return { resolved: chosen, left: conflicts.filter(isOpen).length, kind: this.#progress.kind, saved };
  }
}
