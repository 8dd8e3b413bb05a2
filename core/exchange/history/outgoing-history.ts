import { VarveError } from "../../errors.js";
import type { CommitId } from "../../model/ids.js";
import type { HistoryRef, HistorySelection, OutgoingHistory } from "../../ports/histories.js";
import type { Repository } from "../../ports/repository.js";
import { BRANCHES, TAGS } from "../../revision/ref-names.js";
import { findRef } from "../../revision/resolve-revision.js";
import { everyRef, historyRef } from "./make-bundle.js";
import { selectHistory } from "./select-history.js";

export interface ImageHistory {
  readonly selection: HistorySelection;
  /** Absent where it would take layers of other branches along, and nobody asked for that. */
  readonly history: OutgoingHistory | undefined;
}

export interface ImageHistoryOptions {
  /** What the person named the commit by: a branch or tag of that name travels. */
  readonly revision: string;
  /** Every branch and tag. */
  readonly all: boolean;
  /** Also where layers of other branches go along. */
  readonly force: boolean;
  /** Told of each layer before it is compressed. */
  readonly onLayer?: ((layer: number, layers: number) => void) | undefined;
}

/**
 * The history of an image that is pushed: all that its commit comes from.
 * @throws VarveError UNSUPPORTED for commits that git made; STORE_DAMAGED, LAYER_CORRUPT.
 */
export async function historyOfImage(
  repository: Repository,
  tip: CommitId,
  { revision, all, force, onLayer }: ImageHistoryOptions,
): Promise<ImageHistory> {
  const named = all
    ? (await everyRef(repository)).filter(({ name }) => name !== "HEAD")
    : await namedRef(repository, revision, tip);
  const selection = await selectHistory(repository, [{ name: "HEAD", commit: tip }, ...named], []);
  const isAlone = selection.lenders.size === 0 || force;
  return { selection, history: isAlone ? await repository.histories.outgoing(selection, onLayer) : undefined };
}

async function namedRef(repository: Repository, revision: string, tip: CommitId): Promise<readonly HistoryRef[]> {
  const { history } = repository;
  const ref = revision === "HEAD" ? await history.head() : await findName(repository, revision);
  if (ref === undefined || !(ref.startsWith(BRANCHES) || ref.startsWith(TAGS))) return [];
  return (await history.readRef(ref)) === tip ? [await historyRef(repository, ref, tip)] : [];
}

/** What is no name, such as `main~2`, names no ref. */
async function findName({ history }: Repository, revision: string): ReturnType<typeof findRef> {
  try {
    return await findRef(history, revision);
  } catch (error) {
    if (error instanceof VarveError && error.code === "BAD_NAME") return undefined;
    throw error;
  }
}
