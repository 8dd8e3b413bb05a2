import { VarveError } from "../../errors.js";
import { oldestFirst } from "../../history/oldest-first.js";
import type { ByteString } from "../../model/byte-string.js";
import type { CommitId, ContentDigest, LayerId } from "../../model/ids.js";
import { nodeAt } from "../../model/paths.js";
import { contentsAt, findHolders } from "./find-holders.js";
import { operationStates } from "../operation-states.js";
import { openCommitTree, openLiveTree, type Target } from "../targets.js";
import type { Garbage } from "../../ports/garbage.js";
import type { Operation } from "../../ports/operation-log.js";
import type { Repository } from "../../ports/repository.js";
import { compareTrees } from "../../trees/compare-trees.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { collect, type Collection, type CollectOptions } from "../../maintenance/collect-garbage.js";

/** What an operation took out of history, and garbage collection has yet to remove. */
export interface Forgotten {
  readonly operation: Operation;
  readonly places: readonly ByteString[];
  /** Of the files that stood there, with their sizes in bytes. */
  readonly contents: ReadonlyMap<ContentDigest, number>;
}

/** What is left of it: nothing when all is empty. */
export interface ForgottenProof extends Forgotten {
  /** Contents that layers still hold. */
  readonly held: readonly { readonly digest: ContentDigest; readonly layers: readonly LayerId[] }[];
  /** How many commits still have one of the paths. */
  readonly commits: number;
  /** Names of containers that have one of the paths, or one of the contents, in what is not committed. */
  readonly containers: readonly string[];
  /** Names of containers that run, and so were not looked into. */
  readonly running: readonly string[];
}

export interface ProvenCollection {
  readonly collection: Collection;
  /** Of each operation that took paths out of history and was not undone. */
  readonly proofs: readonly ForgottenProof[];
}

/**
 * Collects garbage; then looks for what was forgotten in all layers, commits and containers that are left.
 * @throws VarveError as `collectGarbage`.
 */
export async function collectAndProve(
  repository: Repository,
  garbage: Garbage,
  options: CollectOptions,
): Promise<ProvenCollection> {
  return repository.exclusively(async () => {
    const forgotten = await findForgotten(repository, garbage);
    const collection = await collect(repository, garbage, options);
    if (options.dryRun) return { collection, proofs: [] };
    const proofs: ForgottenProof[] = [];
    for (const each of forgotten) proofs.push(await prove(repository, each));
    return { collection, proofs };
  });
}

/** @returns Newest first; not those whose commits an earlier collection may have removed. */
async function findForgotten(repository: Repository, garbage: Garbage): Promise<readonly Forgotten[]> {
  const forgotten: Forgotten[] = [];
  const horizon = garbage.horizon()?.getTime() ?? -Infinity;
  for await (const { operation, live } of operationStates(repository.operations)) {
    const { time, forgets } = operation;
    if (Date.parse(time) <= horizon) break;
    if (forgets === undefined || !live) continue;
    const contents = await contentsForgotten(repository, operation, forgets);
    if (contents !== undefined) forgotten.push({ operation, places: forgets, contents });
  }
  return forgotten;
}

/** @returns `undefined` when what was there before is gone already. */
async function contentsForgotten(
  repository: Repository,
  { refs, trees }: Operation,
  places: readonly ByteString[],
): Promise<ReadonlyMap<ContentDigest, number> | undefined> {
  const tips = [...refs, ...trees].flatMap(({ before, after }) => (before === undefined || before === after ? [] : [before]));
  try {
    const { contents } = await findHolders(repository, await oldestFirst(repository.history, tips), places);
    const all = new Map(contents);
    for (const { before } of trees) await addContents(repository, before, places, all);
    return all;
  } catch (error) {
    if (error instanceof VarveError && ["STORE_DAMAGED", "LAYER_CORRUPT"].includes(error.code)) return undefined;
    throw error;
  }
}

async function addContents(
  repository: Repository,
  commit: CommitId | undefined,
  places: readonly ByteString[],
  contents: Map<ContentDigest, number>,
): Promise<void> {
  const tree = await openCommitTree(repository, commit);
  try {
    for (const [digest, size] of await contentsAt(tree, places)) contents.set(digest, size);
  } finally {
    tree.close();
  }
}

async function prove(repository: Repository, forgotten: Forgotten): Promise<ForgottenProof> {
  const { history, containers, inProgress } = repository;
  const refs = await history.listRefs("refs/");
  const standing = containers.list();
  const tips = [
    ...refs.map(({ commit }) => commit),
    ...standing.map(({ record }) => record.base),
    ...inProgress.list().flatMap(({ progress }) => progress.commits),
  ];
  const { commits } = await findHolders(repository, await oldestFirst(history, tips), forgotten.places);
  const still: string[] = [];
  const running: string[] = [];
  for (const status of standing) {
    const { name } = status.record;
    if (status.state === "running" || status.state === "paused") running.push(name);
    else if (await holdsAny(repository, { kind: "container", ...status }, forgotten)) still.push(name);
  }
  return { ...forgotten, held: await heldContents(repository, forgotten), commits: commits.size, containers: still, running };
}

async function heldContents({ layers }: Repository, { contents }: Forgotten): Promise<ForgottenProof["held"]> {
  const wanted = new Set(contents.keys());
  const held = new Map<ContentDigest, LayerId[]>();
  for (const layer of layers.list()) {
    if (isTurnDue()) await yieldToSignals();
    for (const digest of layers.contentsOf(layer, wanted)) held.set(digest, [...(held.get(digest) ?? []), layer]);
  }
  return [...held].map(([digest, holding]) => ({ digest, layers: holding }));
}

/** What is committed was looked for already. */
async function holdsAny(repository: Repository, target: Target, { places, contents }: Forgotten): Promise<boolean> {
  const { committed, live, close } = await openLiveTree(repository, target);
  try {
    if (places.some((place) => nodeAt(live, place) !== undefined && nodeAt(committed, place) === undefined)) return true;
    const changes = await compareTrees(committed, live);
    return changes.some(({ after }) => after !== undefined && "content" in after && contents.has(after.content.digest()));
  } finally {
    close();
  }
}
