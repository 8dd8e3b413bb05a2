import { VarveError } from "../errors.js";
import type { CommitId, LayerId } from "../model/ids.js";
import type { History } from "../ports/history.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** Commits from one remembered chain to the next: so many are read again and again. */
const WALKED_AGAIN = 8;

/**
 * The layers that a commit's tree is made of, newest first: its own and those of its first parents, down to the first commit.
 *
 * @throws VarveError STORE_DAMAGED when a commit is missing or its ancestors form a circle.
 */
export async function layerChain(history: History, commit: CommitId): Promise<readonly LayerId[]> {
  const layers: LayerId[] = [];
  let extended: CommitId | undefined;
  const seen = new Set<CommitId>();
  for (let at: CommitId | undefined = commit; at !== undefined;) {
    if (seen.has(at)) throw circle(at);
    seen.add(at);
    const known = history.knownChain?.(at);
    if (known !== undefined && layers.length === 0) return known;
    if (known !== undefined) {
      extended = at;
      for (const layer of known) layers.push(layer);
      break;
    }
    if (isTurnDue()) await yieldToSignals();
    const { layer, parents } = await history.readCommit(at);
    layers.push(layer);
    at = parents[0];
  }
  if (seen.size > WALKED_AGAIN) history.rememberChain?.(commit, layers, extended);
  return layers;
}

function circle(commit: CommitId): VarveError {
  return new VarveError("STORE_DAMAGED", `Cannot follow the history of "${commit}": it leads back to itself`, {
    hint: "The store's history was forged or its cache is corrupt. Delete views/commits in the store, then run the command again.",
  });
}
