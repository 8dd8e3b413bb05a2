import { VarveError } from "../../errors.js";
import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import { topmostPaths } from "../../model/paths.js";
import type { Tree } from "../../model/tree.js";
import type { Repository } from "../../ports/repository.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { listTree } from "../../trees/list-tree.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { openCommitTree, openLiveTree, type Target } from "../targets.js";

export interface PathPattern {
  /** As it was typed. */
  readonly word: string;
  readonly has: (path: ByteString) => boolean;
}

export interface MatchedPattern {
  readonly word: string;
  /** What matches it, in byte order; nothing that stands below another of them, and not the root. */
  readonly paths: readonly ByteString[];
}

/**
 * Which paths that ever stood in some commits, or stand in a target now, match patterns.
 *
 * @param commits With each of them its first parent.
 * @throws VarveError PATH_MISSING for a pattern that matches nothing.
 */
export async function matchPatterns(
  repository: Repository,
  commits: readonly Commit[],
  targets: readonly Target[],
  patterns: readonly PathPattern[],
): Promise<readonly MatchedPattern[]> {
  if (patterns.length === 0) return [];
  const found = patterns.map((pattern) => ({ ...pattern, paths: new Set<ByteString>() }));
  const add = (path: ByteString): void => {
    for (const { has, paths } of path === "" ? [] : found) if (!paths.has(path) && has(path)) paths.add(path);
  };
  for (const commit of commits) await addNames(repository, commit, add);
  for (const target of targets) await addUncommitted(repository, target, add);
  return found.map(({ word, paths }) => {
    if (paths.size === 0) throw matchesNothing(word);
    return { word, paths: topmostPaths(paths) };
  });
}

/** What stands in a commit and not in its first parent: its layer has the names. */
async function addNames(repository: Repository, commit: Commit, add: (path: ByteString) => void): Promise<void> {
  const names = repository.layers.names?.(commit.layer);
  if (names === undefined) return addTree(repository, commit, add);
  for (const { path, kind } of names) {
    if (isTurnDue()) await yieldToSignals();
    if (kind !== "deleted") add(path);
  }
}

async function addTree(repository: Repository, commit: Commit, add: (path: ByteString) => void): Promise<void> {
  const tree: Tree = await openCommitTree(repository, commit.id);
  try {
    for (const { path } of listTree(tree, "" as ByteString, { recursive: true })) {
      if (isTurnDue()) await yieldToSignals();
      add(path);
    }
  } finally {
    tree.close();
  }
}

async function addUncommitted(repository: Repository, target: Target, add: (path: ByteString) => void): Promise<void> {
  const { committed, live, close } = await openLiveTree(repository, target);
  try {
    for (const { path, after } of await compareTrees(committed, live)) if (after !== undefined) add(path);
  } finally {
    close();
  }
}

function matchesNothing(word: string): VarveError {
  return new VarveError("PATH_MISSING", `Cannot forget what "${word}" matches: no commit and no container has such a path`, {
    hint: "Paths are those of the trees, from their root: `varve find --all GLOB` shows what a pattern matches in all versions.",
  });
}
