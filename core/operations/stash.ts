import { VarveError } from "../errors.js";
import type { Change } from "../model/change.js";
import type { Commit } from "../model/commit.js";
import type { CommitId, RefName } from "../model/ids.js";
import type { Tree } from "../model/tree.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { History } from "../ports/history.js";
import type { Repository } from "../ports/repository.js";
import { commitTree } from "../layers/commit-tree.js";
import { shortName, STASHES } from "../revision/ref-names.js";
import { stashName, stashRefs } from "../revision/stash-refs.js";
import { compareTrees } from "../trees/compare-trees.js";
import { replaceSelected } from "../trees/replace-selected.js";
import { mergeCleanly } from "../merge/merge-cleanly.js";
import { requireStopped } from "./container-state.js";
import { requireNothingInProgress } from "./in-progress.js";
import { recordOperation } from "./record-operation.js";
import { replaceTree } from "./replace-tree.js";
import { requirePlaces } from "./restore-paths.js";
import { openCommitTree, openLiveTree, openLiveTreeBefore, type LiveTree, type Target } from "./targets.js";

export interface Stash {
  readonly ref: RefName;
  /** 0 is the newest. */
  readonly number: number;
  readonly commit: Commit;
}

/** Newest first. */
export async function listStashes({ history }: Pick<Repository, "history">): Promise<readonly Stash[]> {
  const stashes: Stash[] = [];
  for (const { name: ref, commit } of await stashRefs(history))
    stashes.push({ ref, number: stashes.length, commit: await history.readCommit(commit) });
  return stashes;
}

/** @param number 0 is the newest. @throws VarveError REVISION_UNKNOWN. */
export async function findStash({ history }: Pick<Repository, "history">, number: number): Promise<Stash> {
  const refs = await stashRefs(history);
  const found = refs[number];
  if (found !== undefined) return { ref: found.name, number, commit: await history.readCommit(found.commit) };
  const state = refs.length === 0 ? "nothing is stashed" : `${refs.length === 1 ? "one is" : `${refs.length} are`} there`;
  throw new VarveError("REVISION_UNKNOWN", `Cannot find "${stashName(number)}": ${state}`, {
    hint: "`varve stash list` shows what is stashed.",
  });
}

export interface StashOptions {
  /** What the person typed, for the operation log. */
  readonly command: string;
}

export interface PushOptions extends StashOptions {
  readonly message?: string | undefined;
  /** Only these. */
  readonly paths?: PathSelection | undefined;
}

/**
 * Puts what is not committed aside, and makes the tree HEAD's again, as one operation.
 * @throws VarveError NOTHING_TO_COMMIT; REVISION_UNKNOWN before the first commit; CONTAINER_RUNNING; PATH_MISSING; CONFLICT.
 */
export async function pushStash(repository: Repository, target: Target, options: PushOptions): Promise<Stash> {
  if (target.kind === "container") requireStopped(target, "stash in");
  return repository.exclusively(async () => {
    const { trees, head } = await openToStash(repository, target);
    try {
      const commit = await writeStash(repository, trees, head, options);
      if (commit === undefined) throw nothingToStash(trees.head.branch);
      const ref = await nextRef(repository.history);
      const { command, paths } = options;
      const refs = [{ name: ref, before: undefined, after: commit.id }];
      const wanted = paths === undefined ? trees.committed : replaceSelected(trees.live, trees.committed, paths);
      const saved = paths === undefined ? commit.id : undefined;
      await replaceTree(repository, target, trees, wanted, { command, refs, saved });
      return { ref, number: 0, commit };
    } finally {
      trees.close();
    }
  });
}

/** What `pushStash` would put aside: nothing is written. @throws VarveError as it does. */
export async function planStash(
  repository: Repository,
  target: Target,
  { paths }: Pick<PushOptions, "paths">,
): Promise<Pick<AppliedStash, "changes" | "close">> {
  if (target.kind === "container") requireStopped(target, "stash in");
  return repository.exclusively(async () => {
    const { trees } = await openToStash(repository, target);
    try {
      const { live, committed, head } = trees;
      const changes = await compareTrees(committed, stashedTree(trees, paths));
      if (changes.length === 0) throw nothingToStash(head.branch);
      const wanted = paths === undefined ? committed : replaceSelected(live, committed, paths);
      if (target.kind === "directory") target.worktree.requireApplicable(live, wanted);
      return { changes, close: () => trees.close() };
    } catch (error) {
      trees.close();
      throw error;
    }
  });
}

async function openToStash(
  repository: Repository,
  target: Target,
): Promise<{ readonly trees: LiveTree; readonly head: CommitId }> {
  // Else the files that show conflicts would be gone, as if these were resolved.
  requireNothingInProgress(repository, target, "stash");
  const trees = await openLiveTree(repository, target);
  const { branch, commit } = trees.head;
  if (commit !== undefined) return { trees, head: commit };
  trees.close();
  throw unborn(branch);
}

/** HEAD's tree with what is put aside. @throws VarveError PATH_MISSING. */
function stashedTree({ live, committed }: LiveTree, paths: PathSelection | undefined): Tree {
  if (paths === undefined) return live;
  requirePlaces(paths, live, committed);
  return replaceSelected(committed, live, paths);
}

async function writeStash(
  repository: Repository,
  trees: LiveTree,
  parent: CommitId,
  { message, paths }: PushOptions,
): Promise<Commit | undefined> {
  const { head, committed } = trees;
  const stashed = stashedTree(trees, paths);
  const { message: about } = await repository.history.readCommit(parent);
  const branch = shortName(head.branch);
  const text =
    message === undefined
      ? `WIP on ${branch}: ${parent.slice(0, 10)} ${about.split("\n", 1)[0] ?? ""}`
      : `On ${branch}: ${message}`;
  return commitTree(repository, { parent, base: committed, target: async () => stashed, message: text });
}

/** Names go up, so that what is dropped and brought back comes to its old place. */
async function nextRef(history: History): Promise<RefName> {
  const [newest] = await stashRefs(history);
  const last = newest === undefined ? 0 : Number(newest.name.slice(STASHES.length));
  return `${STASHES}${String(last + 1).padStart(NUMBER_DIGITS, "0")}` as RefName;
}

const NUMBER_DIGITS = 9;

export interface ApplyOptions extends StashOptions {
  /** Drops it, too. */
  readonly drop: boolean;
  /** Only tells what would change. */
  readonly dryRun?: boolean;
}

export interface AppliedStash {
  readonly stash: Stash;
  /** From the tree as it was to the tree as it is to be: nodes are of what stood there before. */
  readonly changes: readonly Change[];
  /** Ends the reading of the changes' nodes. */
  close(): void;
}

/**
 * Makes the changes of a stash in a tree, which may have others.
 * @param number 0 is the newest.
 * @throws VarveError REVISION_UNKNOWN; CONFLICT when the tree has changed a path of the stash in another way; CONTAINER_RUNNING.
 */
export async function applyStash(
  repository: Repository,
  target: Target,
  number: number,
  { command, drop, dryRun = false }: ApplyOptions,
): Promise<AppliedStash> {
  if (target.kind === "container") requireStopped(target, "apply a stash to");
  return repository.exclusively(async () => {
    const stash = await findStash(repository, number);
    const opened: { close(): void }[] = [];
    const close = (): void => opened.forEach((tree) => tree.close());
    const open = <T extends { close(): void }>(tree: T): T => {
      opened.push(tree);
      return tree;
    };
    try {
      const trees = open(await openLiveTreeBefore(repository, target, stash.commit.id));
      const base = open(await openCommitTree(repository, stash.commit.parents[0]));
      const theirs = open(await openCommitTree(repository, stash.commit.id));
      const wanted = await treeWithStash({ base, theirs, ours: trees.live }, stash);
      const changes = await compareTrees(trees.live, wanted);
      if (dryRun) return { stash, changes, close };
      const refs = drop ? [{ name: stash.ref, before: stash.commit.id, after: undefined }] : [];
      if (changes.length > 0) await replaceTree(repository, target, trees, wanted, { command, refs });
      else if (drop) await recordOperation(repository, { command, refs, trees: [] });
      return { stash, changes, close };
    } catch (error) {
      close();
      throw error;
    }
  });
}

async function treeWithStash(
  sides: { readonly base: Tree; readonly theirs: Tree; readonly ours: Tree },
  { number }: Stash,
): Promise<Tree> {
  const { tree, conflicts } = await mergeCleanly(sides);
  if (tree !== undefined) return tree;
  const name = stashName(number);
  const [first = ""] = conflicts;
  const others = conflicts.length > 1 ? ` and ${conflicts.length - 1} more` : "";
  throw new VarveError("CONFLICT", `Cannot apply ${name}: the tree has changed "${first}"${others} in another way`, {
    path: first,
    hint: `Commit or stash what is in the tree first. Single paths as the stash has them: varve restore --source '${name}' -- PATH`,
  });
}

/** @param number Absent: all. @returns What was dropped, or would be. @throws VarveError REVISION_UNKNOWN. */
export async function dropStashes(
  repository: Repository,
  number: number | undefined,
  { command, dryRun = false }: StashOptions & { readonly dryRun?: boolean },
): Promise<readonly Stash[]> {
  return repository.exclusively(async () => {
    const dropped = number === undefined ? await listStashes(repository) : [await findStash(repository, number)];
    if (dryRun) return dropped;
    const refs = dropped.map(({ ref, commit }) => ({ name: ref, before: commit.id, after: undefined }));
    if (refs.length > 0) await recordOperation(repository, { command, refs, trees: [] });
    return dropped;
  });
}

function unborn(branch: RefName): VarveError {
  return new VarveError("REVISION_UNKNOWN", `Cannot stash: branch "${shortName(branch)}" has no commit yet`, {
    hint: "Make the first commit: varve commit -m MESSAGE",
  });
}

function nothingToStash(branch: RefName): VarveError {
  return new VarveError("NOTHING_TO_COMMIT", `Cannot stash: what was asked for is what ${shortName(branch)} holds already`);
}
