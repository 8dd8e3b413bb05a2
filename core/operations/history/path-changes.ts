import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId } from "../../model/ids.js";
import type { PathSelection } from "../../paths/path-selection.js";
import type { Repository } from "../../ports/repository.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { differsAt } from "../../trees/differs-at.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { openCommitTree } from "../targets.js";

/** So many pairs of trees are compared before it is worth while to list all names that the history ever had. */
const COMPARISONS = 20;

/** Which commits changed what is selected. Told by the names in their layers wherever these can tell. */
export class PathChanges {
  readonly #repository: Repository;
  readonly #paths: PathSelection;
  #compared = 0;
  /** Directories above what is selected, of all commits in `#listed`. */
  readonly #above = new Set<ByteString>();
  readonly #listed = new Set<CommitId>();
  /** Whether some layer's names tell nothing. */
  #isUntold = false;

  constructor(repository: Repository, paths: PathSelection) {
    this.#repository = repository;
    this.#paths = paths;
  }

  /**
   * The parent in which all that is selected is as in the commit; "none" when there is no such parent; `undefined` for a first commit without anything
   * selected.
   */
  async sameParent(commit: Commit, parents: readonly CommitId[]): Promise<CommitId | "none" | undefined> {
    const [first, ...others] = parents;
    if (!(await this.#changedFirst(commit))) return first;
    for (const other of others) if (!(await this.#differ(other, commit.id))) return other;
    return "none";
  }

  /** Against the first parent: a layer tells of that alone. */
  async #changedFirst(commit: Commit): Promise<boolean> {
    const told = this.#repository.layers.changes?.(commit.layer, this.#paths);
    if (told === true) return true;
    // A pattern may select something below a directory that was deleted.
    if (told === false && (this.#paths.places !== undefined || commit.deleted === 0)) return false;
    if (told === false && (await this.#deletedNothing(commit))) return false;
    return this.#differ(commit.parents[0], commit.id);
  }

  async #deletedNothing(commit: Commit): Promise<boolean> {
    if (this.#compared < COMPARISONS || this.#isUntold) return false;
    const names = this.#repository.layers.names?.(commit.layer);
    if (names === undefined) return false;
    const deleted = [...names].filter(({ kind }) => kind === "deleted").map(({ path }) => path);
    return (await this.#listNames(commit.parents[0])) && !deleted.some((path) => this.#above.has(path));
  }

  /** What ever stood there, an ancestor's layer holds. @returns False when that can't be told. */
  async #listNames(from: CommitId | undefined): Promise<boolean> {
    for (let at = from; at !== undefined && !this.#listed.has(at);) {
      if (isTurnDue()) await yieldToSignals();
      const { layer, parents }: Commit = await this.#repository.history.readCommit(at);
      const names = this.#repository.layers.names?.(layer);
      this.#isUntold = names === undefined;
      if (names === undefined) return false;
      for (const { path } of names) if (this.#paths.has(path)) this.#addAbove(path);
      this.#listed.add(at);
      at = parents[0];
    }
    return true;
  }

  #addAbove(path: ByteString): void {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const above = path.slice(0, end) as ByteString;
      if (this.#above.has(above)) return;
      this.#above.add(above);
    }
  }

  async #differ(parent: CommitId | undefined, commit: CommitId): Promise<boolean> {
    this.#compared += 1;
    const after = await openCommitTree(this.#repository, commit);
    const before = await openCommitTree(this.#repository, parent);
    try {
      const { places, has } = this.#paths;
      if (places !== undefined) return places.some((path) => differsAt(before, after, path));
      return (await compareTrees(before, after)).some(({ path, from }) => has(path) || (from !== undefined && has(from)));
    } finally {
      before.close();
      after.close();
    }
  }
}
