import { byteStringOf, type ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId, ContentDigest } from "../../model/ids.js";
import { nodeAt } from "../../model/paths.js";
import type { Tree } from "../../model/tree.js";
import { selectPlaces } from "../../paths/path-selection.js";
import type { Repository } from "../../ports/repository.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { readFileAt } from "../../trees/list-tree.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { openCommitTree } from "../targets.js";

/** A file as a commit made it. */
export interface FileVersion {
  readonly path: ByteString;
  /** The commit that has it and whose first parent had it otherwise, or not at all. */
  readonly commit: Commit;
  readonly digest: ContentDigest;
  readonly size: number;
  /** Whether the commit's layer holds the bytes, or points at them. */
  readonly isInLayer: boolean;
}

/** Finds versions of files in a history by the names in its layers: trees are put together only where these can't tell. */
export class FileVersions {
  readonly #repository: Repository;
  /** Read often; ten thousand take some megabytes. */
  readonly #commits = new Map<CommitId, Commit>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  async commit(id: CommitId): Promise<Commit> {
    const known = this.#commits.get(id) ?? (await this.#repository.history.readCommit(id));
    this.#commits.set(id, known);
    return known;
  }

  /** The version that a commit's tree has. @returns `undefined` when no file stands there. */
  async find(from: CommitId, path: ByteString): Promise<FileVersion | undefined> {
    const selection = selectPlaces([path]);
    for (let at: CommitId | undefined = from; at !== undefined;) {
      if (isTurnDue()) await yieldToSignals();
      const commit: Commit = await this.commit(at);
      const told = this.#repository.layers.changes?.(commit.layer, selection);
      if (told === true) return versionAt(this.#repository.layers.openTree([commit.layer]), commit, path, true);
      // Something that is no directory may stand above it.
      if (told === undefined) return versionAt(await openCommitTree(this.#repository, at), commit, path, false);
      at = commit.parents[0];
    }
    return undefined;
  }

  async read(version: FileVersion): Promise<ByteString> {
    const { commit, path, digest, isInLayer } = version;
    const [parent] = commit.parents;
    // Of a file whose metadata alone changed, an older layer has the bytes.
    const former = isInLayer || parent === undefined ? undefined : await this.find(parent, path);
    if (former?.digest === digest) return this.read(former);
    const tree = isInLayer ? this.#repository.layers.openTree([commit.layer]) : await openCommitTree(this.#repository, commit.id);
    const pieces: Uint8Array[] = [];
    try {
      await readFileAt(tree, path, async (piece) => void pieces.push(piece));
    } finally {
      tree.close();
    }
    return byteStringOf(Buffer.concat(pieces));
  }

  /** Where a parent had a file that the commit has at another path, with equal content. */
  async renamedFrom(commit: Commit, parent: CommitId, path: ByteString): Promise<ByteString | undefined> {
    // What was moved is deleted in one place.
    if (commit.deleted === 0 && commit.parents[0] === parent) return undefined;
    const [before, after] = [await openCommitTree(this.#repository, parent), await openCommitTree(this.#repository, commit.id)];
    try {
      return (await compareTrees(before, after)).find((change) => change.status === "R" && change.path === path)?.from;
    } finally {
      before.close();
      after.close();
    }
  }
}

/** Closes the tree. @param isLayer Whether it is the commit's layer alone. */
function versionAt(tree: Tree, commit: Commit, path: ByteString, isLayer: boolean): FileVersion | undefined {
  try {
    const node = nodeAt(tree, path);
    if (node === undefined || !("content" in node)) return undefined;
    const { content, entry } = node;
    // A layer may hold a file without its content, which stands below.
    const isInLayer = isLayer && content.stored !== undefined;
    return { path, commit, digest: content.digest(), size: entry.size, isInLayer };
  } finally {
    tree.close();
  }
}
