import type { ByteString } from "../../model/byte-string.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId } from "../../model/ids.js";
import { selectPlaces } from "../../paths/path-selection.js";
import type { Repository } from "../../ports/repository.js";
import type { WalkedCommit } from "../../history/walk-history.js";
import { FileVersions } from "./file-versions.js";
import { PathChanges } from "./path-changes.js";

export interface FollowedCommit extends WalkedCommit {
  /** What the file is called in the commit: one name, but where branches that both lead here called it otherwise. */
  readonly names: readonly ByteString[];
}

/**
 * The commits that changed a file, also under the names that it had before it was moved.
 *
 * @param commits A whole history, children before parents.
 * @param tips In which the file has the name that is given.
 */
export async function* followPath(
  repository: Repository,
  commits: AsyncIterable<WalkedCommit>,
  tips: readonly CommitId[],
  path: ByteString,
): AsyncGenerator<FollowedCommit> {
  const names = new Map<CommitId, Set<ByteString>>(tips.map((tip) => [tip, new Set([path])]));
  const follower = new Follower(repository);
  for await (const walked of commits) {
    const own = [...(names.get(walked.id) ?? [])];
    names.delete(walked.id);
    if (own.length === 0) continue;
    const parents = new Set<CommitId>();
    let isSelected = false;
    for (const name of own) {
      const step = await follower.step(walked, name);
      isSelected ||= step.isChanged;
      for (const [parent, former] of step.formerly) {
        parents.add(parent);
        names.set(parent, (names.get(parent) ?? new Set()).add(former));
      }
    }
    yield { ...walked, parents: [...parents], isSelected, names: own };
  }
}

interface Step {
  readonly isChanged: boolean;
  /** What the file is called in the parents that are followed. */
  readonly formerly: readonly (readonly [parent: CommitId, name: ByteString])[];
}

class Follower {
  readonly #repository: Repository;
  readonly #versions: FileVersions;
  readonly #changes = new Map<ByteString, PathChanges>();

  constructor(repository: Repository) {
    this.#repository = repository;
    this.#versions = new FileVersions(repository);
  }

  async step({ commit, parents }: WalkedCommit, name: ByteString): Promise<Step> {
    const same = await this.#changesOf(name).sameParent(commit, parents);
    if (same === undefined) return { isChanged: false, formerly: [] };
    if (same !== "none") return { isChanged: false, formerly: [[same, name]] };
    const isFile = (await this.#versions.find(commit.id, name)) !== undefined;
    const formerly: [CommitId, ByteString][] = [];
    for (const parent of parents) formerly.push([parent, (isFile && (await this.#movedFrom(commit, parent, name))) || name]);
    return { isChanged: true, formerly };
  }

  /** @returns `undefined` for a file that the parent has under the same name, and for one that it has not. */
  async #movedFrom(commit: Commit, parent: CommitId, name: ByteString): Promise<ByteString | undefined> {
    const former = await this.#versions.find(parent, name);
    return former === undefined ? this.#versions.renamedFrom(commit, parent, name) : undefined;
  }

  #changesOf(name: ByteString): PathChanges {
    const known = this.#changes.get(name) ?? new PathChanges(this.#repository, selectPlaces([name]));
    this.#changes.set(name, known);
    return known;
  }
}
