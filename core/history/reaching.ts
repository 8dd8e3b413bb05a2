import type { CommitId } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** A commit and all that it comes from. @param tips More than one: what any of them comes from. */
export async function ancestorsOf(history: History, tips: Iterable<CommitId>): Promise<ReadonlySet<CommitId>> {
  const found = new Set(tips);
  // A set grows while it is walked.
  for (const id of found) {
    if (isTurnDue()) await yieldToSignals();
    for (const parent of (await history.readCommit(id)).parents) found.add(parent);
  }
  return found;
}

/** Tells of one commit after another whether it comes from a wanted one. What was found out is used for the next. */
export class Descendants {
  readonly #history: History;
  readonly #known: Map<CommitId, boolean>;

  constructor(history: History, wanted: CommitId) {
    this.#history = history;
    this.#known = new Map([[wanted, true]]);
  }

  async has(tip: CommitId): Promise<boolean> {
    const pending = [tip];
    for (let id = pending.at(-1); id !== undefined; id = pending.at(-1)) {
      if (this.#known.has(id)) {
        pending.pop();
        continue;
      }
      if (isTurnDue()) await yieldToSignals();
      const { parents } = await this.#history.readCommit(id);
      const open = parents.filter((parent) => !this.#known.has(parent));
      const leads = parents.some((parent) => this.#known.get(parent) === true);
      if (leads || open.length === 0) this.#known.set(id, leads);
      else pending.push(...open);
    }
    return this.#known.get(tip) === true;
  }
}
