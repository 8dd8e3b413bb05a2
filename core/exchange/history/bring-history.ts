import { VarveError } from "../../errors.js";
import { ancestorsOf } from "../../history/reaching.js";
import { contentsOfChain } from "../../layers/commit-contents.js";
import { layerChain } from "../../layers/layer-chain.js";
import type { Commit } from "../../model/commit.js";
import type { CommitId, LayerId } from "../../model/ids.js";
import type { BlobDigest } from "../../model/image.js";
import type { HistoryBlob, HistoryLayer, OpenedHistory } from "../../ports/histories.js";
import type { Repository } from "../../ports/repository.js";
import { addsUpTo } from "../../trees/check-tree.js";
import { isTurnDue, yieldToSignals } from "../../yield-to-signals.js";
import { IncomingLayers } from "../incoming-layers.js";
import { layersOf, parsedDocument, proveImageRecord } from "./prove-image-record.js";

export interface BringOptions {
  /** The tar of an image's layer by its DiffID, where the history tells of one and has no record of it. */
  readonly otherTar?: ((diffId: BlobDigest) => AsyncIterable<Uint8Array> | undefined) | undefined;
  /** Layers that are transferred at once, where they come through a network. */
  readonly jobs?: number | undefined;
  /** Hears of each layer before it is taken in, from 0. */
  readonly onLayer?: ((layer: number, layers: number) => void) | undefined;
}

export interface BroughtHistory {
  /** Commits that the store did not have, parents before children. */
  readonly commits: readonly Commit[];
  /** Layers that the store did not have. */
  readonly layers: number;
  /** Bytes of these as they were transferred. */
  readonly bytes: number;
}

/**
 * Takes a history's commits in, with their layers. Each layer is written anew and each commit's layers must add up to its tree, before any commit is put in
 * place. No ref moves; the store's lock is held by the caller. What was taken in when it fails is found again by the next try, or goes with `gc`.
 *
 * @throws VarveError REVISION_UNKNOWN when the store lacks what the history stands on; SOURCE_INVALID when it is not what it says; DISK_FULL, INTERRUPTED.
 */
export async function bringHistory(
  repository: Repository,
  opened: OpenedHistory,
  options: BringOptions = {},
): Promise<BroughtHistory> {
  const missing = await missingPrerequisites(repository, opened);
  if (missing.length > 0) throw lacksPrerequisites(missing);
  const commits: Commit[] = [];
  for (const commit of opened.commits) if (!(await isThere(repository, commit.id))) commits.push(commit);
  const taken = await takeLayers(repository, opened, commits, options);
  await requireTrees(repository, opened, commits);
  await writeCommits(repository, opened, new Set(commits.map(({ id }) => id)), options);
  return { commits, ...taken };
}

/**
 * Puts commits in place, one that tells of an image once that is proven: what is in place is believed by the next history that has it, or stands on it, also
 * when this one is refused or its command is killed.
 */
async function writeCommits(
  repository: Repository,
  opened: OpenedHistory,
  added: ReadonlySet<CommitId>,
  { otherTar }: BringOptions,
): Promise<void> {
  for (const commit of opened.commits) {
    if (commit.image === undefined) continue;
    if (added.has(commit.id)) await opened.writeObjects(commit.id);
    // Of a commit that was collected, git may keep all and its image lack something.
    await takeDocuments(repository, opened, commit);
    if (added.has(commit.id)) await proveImageRecord(repository, commit, otherTar);
  }
  await opened.writeObjects();
}

/** Prerequisites that the store lacks. */
export async function missingPrerequisites(
  repository: Repository,
  { prerequisites }: Pick<OpenedHistory, "prerequisites">,
): Promise<OpenedHistory["prerequisites"]> {
  const missing: OpenedHistory["prerequisites"][number][] = [];
  for (const each of prerequisites) if (!(await isThere(repository, each.commit))) missing.push(each);
  return missing;
}

/** Whether a commit and all layers of its tree are there. Git may still know a commit that was collected. */
async function isThere({ history, layers }: Repository, id: CommitId): Promise<boolean> {
  try {
    return (await layerChain(history, id)).every((layer) => layers.has(layer));
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED") return false;
    throw error;
  }
}

function lacksPrerequisites(missing: OpenedHistory["prerequisites"]): VarveError {
  const list = missing.slice(0, 20).map(({ commit, subject }) => `${commit} ${subject}`);
  const more = missing.length > list.length ? `\n… and ${missing.length - list.length} more` : "";
  return new VarveError("REVISION_UNKNOWN", "Cannot take the history in: the store lacks commits that it stands on", {
    hint: `It lacks these prerequisites:\n${list.join("\n")}${more}\nTake in what has them first, or ask for a bundle without \"..\", which has all.`,
  });
}

async function takeLayers(
  repository: Repository,
  opened: OpenedHistory,
  commits: readonly Commit[],
  { onLayer, jobs }: BringOptions,
): Promise<{ readonly layers: number; readonly bytes: number }> {
  const lending = new Lending(repository, opened);
  const users = new Map<LayerId, Commit>();
  for (const commit of commits) if (!users.has(commit.layer)) users.set(commit.layer, commit);
  const wanted = [...users.keys()].filter((id) => !repository.layers.has(id));
  const absent = wanted.find((id) => !opened.layers.has(id));
  if (absent !== undefined) throw invalid(`it lacks layer "${absent}" of commit "${users.get(absent)!.id}"`);
  const taken: HistoryLayer[] = [];
  const queue = wanted.length === 0 ? [] : await lending.inOrder(new Set(wanted));
  const incoming = new IncomingLayers(repository.blobs, { layers: [], stopTransfers: opened.stopTransfers }, queue, { jobs });
  try {
    for (const [index, layer] of queue.entries()) {
      onLayer?.(index, queue.length);
      if (isTurnDue()) await yieldToSignals();
      const coming = incoming.open(layer, false);
      try {
        await repository.histories.receiveLayer({ ...layer, open: () => coming.stream }, (id) => lending.mayLend(id));
      } finally {
        coming.discard();
      }
      lending.add(layer.id);
      taken.push(layer);
    }
  } finally {
    await incoming.close();
  }
  return { layers: taken.length, bytes: taken.reduce((sum, { record }) => sum + record.size, 0) };
}

/**
 * From which layers those of a history may borrow: those of its commits and of all that these come from, those that lend to these, and what comes with the
 * history. No others of the store: else a stranger's history, sent on, would take private layers along.
 */
class Lending {
  readonly #repository: Repository;
  readonly #opened: OpenedHistory;
  readonly #own: ReadonlySet<LayerId>;
  readonly #allowed = new Set<LayerId>();

  constructor(repository: Repository, opened: OpenedHistory) {
    this.#repository = repository;
    this.#opened = opened;
    this.#own = new Set(opened.commits.map(({ layer }) => layer));
  }

  /** The layers that are wanted, and those that no commit has, in the order in which the history has them. */
  async inOrder(wanted: ReadonlySet<LayerId>): Promise<readonly HistoryLayer[]> {
    const { history, layers } = this.#repository;
    for (const id of await ancestorsOf(
      history,
      this.#opened.prerequisites.map(({ commit }) => commit),
    ))
      this.#allowed.add((await history.readCommit(id)).layer);
    for (const id of this.#own) if (layers.has(id)) this.#allowed.add(id);
    // A set grows while it is walked.
    for (const id of this.#allowed) for (const lender of layers.lenders(id)) this.#allowed.add(lender);
    return [...this.#opened.layers.values()].filter(({ id }) => wanted.has(id) || !(this.#own.has(id) || this.#allowed.has(id)));
  }

  mayLend(id: LayerId): boolean {
    return this.#allowed.has(id);
  }

  add(id: LayerId): void {
    this.#allowed.add(id);
  }
}

/** Newest first. The commits of the history need not be in place. */
async function chainOf(
  { history }: Repository,
  commits: ReadonlyMap<CommitId, Commit>,
  commit: Commit,
): Promise<readonly LayerId[]> {
  const chain: LayerId[] = [];
  for (let at: Commit | undefined = commit; at !== undefined;) {
    chain.push(at.layer);
    const parent: CommitId | undefined = at.parents[0];
    const known: Commit | undefined = parent === undefined ? undefined : commits.get(parent);
    if (known === undefined && parent !== undefined) return [...chain, ...(await layerChain(history, parent))];
    at = known;
  }
  return chain;
}

async function requireTrees(repository: Repository, opened: OpenedHistory, commits: readonly Commit[]): Promise<void> {
  const known = new Map(opened.commits.map((commit) => [commit.id, commit]));
  const trees = await repository.histories.openTrees();
  try {
    for (const commit of commits) {
      if (isTurnDue()) await yieldToSignals();
      const chain = await chainOf(repository, known, commit);
      if (!(await addsUp(() => addsUpTo(trees, chain, commit.tree, false))))
        throw invalid(`the layers of commit "${commit.id}" add up to another tree than it names`);
    }
  } finally {
    trees.close();
  }
}

/** What a layer below lacks is a fault of the history: the layers themselves were found sound. */
async function addsUp(check: () => Promise<boolean>): Promise<boolean> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED") return false;
    throw error;
  }
}

async function takeDocuments(repository: Repository, opened: OpenedHistory, commit: Commit): Promise<void> {
  const { blobs } = repository;
  const { config, manifest, diffId } = commit.image ?? {};
  for (const record of [config, manifest]) {
    if (record === undefined || blobs.has(record.digest)) continue;
    const bytes = await documentOf(opened, record.digest, commit.id);
    if (record === manifest && !isManifest(parsedDocument(bytes)))
      throw invalid(`commit "${commit.id}" names a manifest that is none`);
    blobs.put(bytes);
  }
  const tar = diffId === undefined || blobs.hasTar(diffId) ? undefined : opened.tars.get(diffId);
  if (diffId !== undefined && tar !== undefined) await takeTar(repository, diffId, tar, commit);
}

async function documentOf({ documents }: OpenedHistory, digest: BlobDigest, commit: CommitId): Promise<Uint8Array> {
  const document = documents.get(digest);
  if (document === undefined) throw invalid(`it lacks a config or manifest of an image that commit "${commit}" names`);
  const pieces: Uint8Array[] = [];
  for await (const piece of document.open()) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

/** What `save` and `push` read of it. */
function isManifest(value: unknown): boolean {
  const { layers } = isObject(value) ? value : {};
  return Array.isArray(layers) && layers.every(isObject);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function takeTar(repository: Repository, diffId: BlobDigest, blob: HistoryBlob, commit: Commit): Promise<void> {
  const contents = await contentsOfChain(repository, await layersOf(repository, commit));
  try {
    await repository.histories.receiveTar(diffId, blob, contents.find);
  } finally {
    contents.close();
  }
}

function invalid(state: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot take the history in: ${state}`, {
    hint: "It is damaged or was made to do harm. Make it again, or take it from its source again.",
  });
}
