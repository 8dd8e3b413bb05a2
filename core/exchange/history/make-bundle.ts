import { VarveError } from "../../errors.js";
import type { CommitId, RefName } from "../../model/ids.js";
import type { HistoryRef, HistorySelection, OutgoingHistory } from "../../ports/histories.js";
import type { Repository } from "../../ports/repository.js";
import { splitRange } from "../../revision/parse-revision.js";
import { NAMED, TAGS } from "../../revision/ref-names.js";
import { findRef } from "../../revision/resolve-revision.js";
import { selectCommits } from "../../revision/select-commits.js";
import { selectHistory } from "./select-history.js";

export interface MadeBundle {
  readonly selection: HistorySelection;
  readonly history: OutgoingHistory;
}

/**
 * A history to be written to one file.
 *
 * @param words Of git: `A..B`, `B`, `^A`. Those that name a branch or tag make it travel; at least one must.
 * @param all Every branch, tag and image reference.
 * @param onLayer Told of each layer before it is compressed.
 * @throws VarveError USAGE, REVISION_UNKNOWN, REVISION_AMBIGUOUS; what `selectHistory` throws; UNSUPPORTED for commits that git made.
 */
export async function makeBundle(
  repository: Repository,
  words: readonly string[],
  all: boolean,
  onLayer?: (layer: number, layers: number) => void,
): Promise<MadeBundle> {
  const { history } = repository;
  const exclude = words.length === 0 ? [] : (await selectCommits(history, words)).exclude;
  const refs = all ? await everyRef(repository) : await refsOf(repository, words);
  if (refs.length === 0) throw nothingNamed(words, all);
  const selection = await selectHistory(repository, refs, exclude);
  return { selection, history: await repository.histories.outgoing(selection, onLayer) };
}

/** Branches, tags and image references, and HEAD where it names one of them. */
export async function everyRef(repository: Repository): Promise<readonly HistoryRef[]> {
  const { history } = repository;
  const head = await history.readRef(await history.head());
  const refs = (await Promise.all(NAMED.map((prefix) => history.listRefs(prefix)))).flat();
  const found = await Promise.all(refs.map(({ name, commit }) => historyRef(repository, name, commit)));
  return head === undefined ? found : [{ name: "HEAD", commit: head }, ...found];
}

async function refsOf(repository: Repository, words: readonly string[]): Promise<readonly HistoryRef[]> {
  const { history } = repository;
  const refs = new Map<string, HistoryRef>();
  for (const word of words) {
    if (word.startsWith("^")) continue;
    const range = splitRange(word);
    for (const name of range === undefined ? [word] : range.symmetric ? [range.from, range.to] : [range.to]) {
      const isHead = name === "HEAD" || name === "";
      const ref = isHead ? await history.head() : await findRef(history, name);
      const commit = ref && (await history.readRef(ref));
      if (ref === undefined || commit === undefined) continue;
      if (isHead) refs.set("HEAD", { name: "HEAD", commit });
      refs.set(ref, await historyRef(repository, ref, commit));
    }
  }
  return [...refs.values()].filter(({ name }) => name === "HEAD" || NAMED.some((prefix) => name.startsWith(prefix)));
}

export async function historyRef({ history }: Repository, name: RefName, commit: CommitId): Promise<HistoryRef> {
  const tag = name.startsWith(TAGS) ? await history.readTag(name) : undefined;
  return { name, commit, ...(tag && { tag: tag.id }) };
}

function nothingNamed(words: readonly string[], all: boolean): VarveError {
  const state = all ? "the store has no branches" : `${words.map((word) => `"${word}"`).join(", ")} names no branch and no tag`;
  return new VarveError("USAGE", `Cannot make a bundle: ${state}`, {
    hint: "A bundle is taken in under names. Make a branch or tag at the commit first: varve branch NAME REV",
  });
}
