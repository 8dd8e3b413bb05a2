import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { Entry } from "../../model/entry.js";
import type { CommitId, ContentDigest } from "../../model/ids.js";
import { nodeAt } from "../../model/paths.js";
import type { TreeNode } from "../../model/tree.js";
import { FirstParentForest } from "../../history/first-parent-forest.js";
import { walkHistory } from "../../history/walk-history.js";
import type { LayerName } from "../../ports/layer-store.js";
import type { Repository } from "../../ports/repository.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { openCommitTree } from "../targets.js";

/** What one commit did to a path, against its first parent. */
export interface PathEvent {
  readonly commit: Commit;
  readonly kind: "added" | "modified" | "deleted";
  /** What stands there since; absent for a deletion. */
  readonly version: PathVersion | undefined;
}

export interface PathVersion {
  readonly entry: Entry;
  /** Of a file. */
  readonly digest: ContentDigest | undefined;
}

/** A path in all its versions. */
export interface FoundPath {
  readonly path: ByteString;
  /** One at least, the oldest first. */
  readonly events: readonly PathEvent[];
}

export interface FindOptions {
  /** Where histories begin. */
  readonly tips: readonly CommitId[];
  readonly has: (path: ByteString) => boolean;
  /** Only paths that held this content once. */
  readonly content?: ContentDigest | undefined;
}

/**
 * The paths that ever stood in a history and match, in byte order. Told by the names in its layers, without putting trees together.
 *
 * @throws VarveError STORE_DAMAGED, LAYER_CORRUPT, INTERRUPTED.
 */
export async function findPaths(repository: Repository, { tips, has, content }: FindOptions): Promise<readonly FoundPath[]> {
  const commits = await oldestFirst(repository, tips);
  const found = new PathHistories(new FirstParentForest(commits), content);
  try {
    for (const commit of commits) {
      const names = repository.layers.names?.(commit.layer);
      if (names === undefined) await compare(repository, commit, has, found);
      else await readNames(repository, commit, names, has, found);
    }
  } finally {
    repository.layers.keepNames?.();
  }
  return found.list();
}

async function oldestFirst({ history }: Repository, tips: readonly CommitId[]): Promise<readonly Commit[]> {
  const commits: Commit[] = [];
  const walk = walkHistory(history, {
    tips: [...new Set(tips)],
    excluded: new Set(),
    order: "date",
    examine: async ({ parents }) => ({ parents, isSelected: true }),
  });
  for await (const { commit } of walk) commits.push(commit);
  return commits.reverse();
}

async function readNames(
  { layers }: Repository,
  commit: Commit,
  names: Iterable<LayerName>,
  has: (path: ByteString) => boolean,
  found: PathHistories,
): Promise<void> {
  const standing: ByteString[] = [];
  for (const { path, kind } of names) {
    if (isTurnDue()) await yieldToSignals();
    if (kind === "deleted") found.remove(commit, path);
    // What is no directory now may have been one.
    if (kind !== "directory") found.removeBelow(commit, path);
    if (kind !== "deleted" && has(path)) standing.push(path);
  }
  if (standing.length === 0) return;
  const layer = layers.openTree([commit.layer]);
  try {
    for (const path of standing) {
      if (isTurnDue()) await yieldToSignals();
      const node = nodeAt(layer, path);
      if (node !== undefined) found.put(commit, path, versionOf(node));
    }
  } finally {
    layer.close();
  }
}

/** Where a layer's names can't tell. */
async function compare(
  repository: Repository,
  commit: Commit,
  has: (path: ByteString) => boolean,
  found: PathHistories,
): Promise<void> {
  const [before, after] = [await openCommitTree(repository, commit.parents[0]), await openCommitTree(repository, commit.id)];
  try {
    for (const { path, from, after: node } of await compareTrees(before, after)) {
      for (const gone of [from, node === undefined ? path : undefined]) if (gone !== undefined) found.remove(commit, gone);
      if (node !== undefined && has(path)) found.put(commit, path, versionOf(node));
    }
  } finally {
    before.close();
    after.close();
  }
}

function versionOf(node: TreeNode): PathVersion {
  return { entry: node.entry, digest: "content" in node ? node.content.digest() : undefined };
}

/** What happened to paths so far: commits come parents first. */
class PathHistories {
  readonly #forest: FirstParentForest;
  readonly #content: ContentDigest | undefined;
  readonly #events = new Map<ByteString, PathEvent[]>();
  /** The directories above. */
  readonly #above = new Map<ByteString, Set<ByteString>>();

  constructor(forest: FirstParentForest, content: ContentDigest | undefined) {
    this.#forest = forest;
    this.#content = content;
  }

  put(commit: Commit, path: ByteString, version: PathVersion): void {
    if (this.#content !== undefined && version.digest !== this.#content && !this.#events.has(path)) return;
    const before = this.#before(commit, path);
    // A directory stands in a layer also because of what is below it.
    if (before !== undefined && isSameDirectory(before.entry, version.entry)) return;
    this.#add(path, { commit, kind: before === undefined ? "added" : "modified", version });
  }

  remove(commit: Commit, path: ByteString): void {
    if (this.#before(commit, path) !== undefined) this.#add(path, { commit, kind: "deleted", version: undefined });
  }

  removeBelow(commit: Commit, path: ByteString): void {
    for (const below of this.#above.get(path) ?? []) {
      this.remove(commit, below);
      this.removeBelow(commit, below);
    }
  }

  list(): readonly FoundPath[] {
    const found = [...this.#events].map(([path, events]) => ({ path, events }));
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** What stood there in the first parent. */
  #before({ parents: [first] }: Commit, path: ByteString): PathVersion | undefined {
    if (first === undefined) return undefined;
    return this.#events.get(path)?.findLast(({ commit }) => this.#forest.leadsTo(commit.id, first))?.version;
  }

  #add(path: ByteString, event: PathEvent): void {
    const events = this.#events.get(path);
    if (events !== undefined) events.push(event);
    else {
      this.#events.set(path, [event]);
      this.#addAbove(path);
    }
  }

  #addAbove(path: ByteString): void {
    for (let [below, end] = [path, path.lastIndexOf("/")]; end > 0; end = below.lastIndexOf("/")) {
      const above = below.slice(0, end) as ByteString;
      const known = this.#above.get(above);
      this.#above.set(above, (known ?? new Set()).add(below));
      if (known !== undefined) return;
      below = above;
    }
  }
}

function isSameDirectory(before: Entry, after: Entry): boolean {
  const isBoth = before.type === "directory" && after.type === "directory";
  return isBoth && before.mode === after.mode && before.uid === after.uid && before.gid === after.gid;
}
