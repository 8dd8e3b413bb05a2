import type { CommitId } from "../model/ids.js";

interface Linked {
  readonly id: CommitId;
  readonly parents: readonly CommitId[];
}

/** Which commits lead to which by first parents alone: along these, layers add up to trees. */
export class FirstParentForest {
  /** Where a walk through the forest, depth first, enters and leaves a commit. */
  readonly #spans = new Map<CommitId, { readonly enter: number; leave: number }>();

  /** @param commits Parents before children. */
  constructor(commits: readonly Linked[]) {
    const children = new Map<CommitId, CommitId[]>();
    const known = new Set(commits.map(({ id }) => id));
    const roots: CommitId[] = [];
    for (const { id, parents } of commits) {
      const [first] = parents;
      if (first === undefined || !known.has(first)) roots.push(id);
      else if (children.get(first)?.push(id) === undefined) children.set(first, [id]);
    }
    this.#walk(roots, children);
  }

  /** Whether a commit is another one, or leads to it. */
  leadsTo(commit: CommitId, other: CommitId): boolean {
    const [above, below] = [this.#spans.get(commit), this.#spans.get(other)];
    return above !== undefined && below !== undefined && above.enter <= below.enter && below.leave <= above.leave;
  }

  #walk(roots: readonly CommitId[], children: ReadonlyMap<CommitId, readonly CommitId[]>): void {
    let clock = 0;
    const pending: (CommitId | { readonly leave: CommitId })[] = [...roots];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (typeof next === "object") this.#spans.get(next.leave)!.leave = clock++;
      else {
        this.#spans.set(next, { enter: clock++, leave: 0 });
        pending.push({ leave: next }, ...(children.get(next) ?? []));
      }
    }
  }
}
