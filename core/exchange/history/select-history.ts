import { VarveError } from "../../errors.js";
import { ancestorsOf } from "../../history/reaching.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId, LayerId } from "../../model/ids.js";
import type { BlobDigest, BlobRecord } from "../../model/image.js";
import type { HistoryRef, HistorySelection, Prerequisite } from "../../ports/histories.js";
import type { Repository } from "../../ports/repository.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";

/**
 * What has to travel so that refs stand elsewhere as they stand here.
 *
 * @param exclude What the receiver has: these commits and all that they come from.
 * @throws VarveError USAGE when nothing is left; STORE_DAMAGED, LAYER_CORRUPT.
 */
export async function selectHistory(
  repository: Repository,
  refs: readonly HistoryRef[],
  exclude: readonly CommitId[],
): Promise<HistorySelection> {
  const { history } = repository;
  const there = await ancestorsOf(history, exclude);
  const commits = await parentsFirst(repository, refs, there);
  if (commits.length === 0)
    throw new VarveError("USAGE", "Cannot make a bundle: it would have no commits", {
      hint: "What is left out has all of them already. Name an older commit before the two dots.",
    });
  const needed = new Set(commits.flatMap(({ parents }) => parents).filter((parent) => there.has(parent)));
  for (const { commit } of refs) if (there.has(commit)) needed.add(commit);
  const prerequisites: Prerequisite[] = [];
  for (const commit of needed) {
    const [subject = ""] = (await history.readCommit(commit)).message.split("\n");
    prerequisites.push({ commit, subject });
  }
  return {
    refs,
    prerequisites,
    commits: commits.map(({ id }) => id),
    ...(await layersOf(repository, commits, there)),
    ...keptOf(repository, commits),
  };
}

/** The commits that refs come from, but for what is there. Without recursion: a history may be longer than the stack. */
async function parentsFirst(
  { history }: Repository,
  refs: readonly HistoryRef[],
  there: ReadonlySet<CommitId>,
): Promise<readonly Commit[]> {
  const done = new Map<CommitId, Commit>();
  for (const { commit: tip } of refs) {
    const pending = [tip];
    for (let id = pending.at(-1); id !== undefined; id = pending.at(-1)) {
      if (isTurnDue()) await yieldToSignals();
      const commit = done.has(id) || there.has(id) ? undefined : await history.readCommit(id);
      const open = (commit?.parents ?? []).filter((parent) => !done.has(parent) && !there.has(parent));
      if (open.length > 0) pending.push(...open.reverse());
      else {
        if (commit !== undefined) done.set(id, commit);
        pending.pop();
      }
    }
  }
  return [...done.values()];
}

async function layersOf(
  { history, layers }: Repository,
  commits: readonly Commit[],
  there: ReadonlySet<CommitId>,
): Promise<Pick<HistorySelection, "layers" | "lenders">> {
  const known = new Set<LayerId>();
  for (const id of there) {
    if (isTurnDue()) await yieldToSignals();
    known.add((await history.readCommit(id)).layer);
  }
  // A set grows while it is walked.
  for (const id of known) for (const lender of layers.lenders(id)) known.add(lender);
  const ordered = new Set<LayerId>();
  for (const { layer } of commits) {
    const pending = [layer];
    for (let id = pending.at(-1); id !== undefined; id = pending.at(-1)) {
      if (isTurnDue()) await yieldToSignals();
      const isDone = ordered.has(id) || known.has(id);
      const open = isDone ? [] : layers.lenders(id).filter((lender) => !ordered.has(lender) && !known.has(lender));
      if (open.length > 0) pending.push(...open);
      else {
        if (!isDone) ordered.add(id);
        pending.pop();
      }
    }
  }
  const own = new Set(commits.map(({ layer }) => layer));
  return { layers: [...ordered], lenders: new Set([...ordered].filter((id) => !own.has(id))) };
}

/** What images need to go out with the ids that they came in with. */
function keptOf({ blobs }: Repository, commits: readonly Commit[]): Pick<HistorySelection, "documents" | "tars"> {
  const documents = new Map<BlobDigest, BlobRecord>();
  const tars = new Set<BlobDigest>();
  for (const { image } of commits) {
    for (const record of [image?.config, image?.manifest])
      if (record !== undefined) documents.set(record.digest, { ...record, size: blobs.size(record.digest) });
    if (image?.diffId !== undefined && blobs.hasTar(image.diffId)) tars.add(image.diffId);
  }
  return { documents: [...documents.values()], tars: [...tars] };
}
