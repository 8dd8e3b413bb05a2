import type { CommitId } from "../model/ids.js";

export interface QueuedCommit {
  readonly id: CommitId;
  readonly parents: readonly CommitId[];
  /** The committer's time. */
  readonly seconds: number;
}

/** Commits of which the newest comes out first: a binary heap, since a history may be wide. */
export class CommitQueue<Some extends QueuedCommit> {
  readonly #heap: Some[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(commit: Some): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(commit);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above]!.seconds >= commit.seconds) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = commit;
  }

  take(): Some | undefined {
    const heap = this.#heap;
    const [newest] = heap;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return newest;
  }

  /** Puts a commit in the place of the one that was taken from the top. */
  #sink(commit: Some): void {
    const heap = this.#heap;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && heap[below + 1]!.seconds > heap[below]!.seconds) below += 1;
      if (heap[below]!.seconds <= commit.seconds) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = commit;
  }
}
