import type { Commit } from "../model/commit.js";
import type { CommitId, TreeId } from "../model/ids.js";
import type { BlobDigest } from "../model/image.js";
import type { SentTars, SourceLayer } from "../ports/images.js";
import type { Repository } from "../ports/repository.js";
import { hasLayer, outgoingLayer } from "./outgoing-layer.js";

/**
 * Layers of images that the store can make of what it has, so that nobody has to transfer them: of images that have them in common with others, and of images
 * that were built on what the store sent out.
 */
export class LayersAtHand {
  readonly #repository: Repository;
  readonly #sent: SentTars;
  readonly #commits = new Map<BlobDigest, CommitId>();

  constructor(repository: Repository, sent: SentTars) {
    this.#repository = repository;
    this.#sent = sent;
  }

  /** Makes a commit's layer known, where it came in or went out before. @param before The tree of its first parent. */
  add(commit: Commit, before: TreeId | undefined): void {
    const diffId = this.#diffIdOf(commit, before);
    if (diffId !== undefined && this.#repository.layers.has(commit.layer)) this.#commits.set(diffId, commit.id);
  }

  /**
   * @param asItCame Whether its bytes must be those of the blob that the source names; else what is decompressed counts.
   * @returns `undefined` where it has to be transferred.
   */
  async find(
    diffId: BlobDigest,
    { record }: SourceLayer,
    asItCame: boolean,
  ): Promise<(() => AsyncIterable<Uint8Array>) | undefined> {
    const { blobs, images, history } = this.#repository;
    if (record !== undefined && blobs.has(record.digest)) return () => blobs.open(record.digest);
    const id = this.#commits.get(diffId);
    if (id === undefined) return undefined;
    const commit = await history.readCommit(id);
    const [first] = commit.parents;
    const parent = first === undefined ? undefined : await history.readCommit(first);
    const options = { squash: false, compress: false, skipped: new Set<string>(), sent: this.#sent, isOver: () => false };
    const { blob } = await outgoingLayer(this.#repository, commit, parent, options);
    if (!asItCame || blob.record.digest === record?.digest) return () => blob.open();
    const isOurs = blob.record.digest === diffId && this.#sent.compressed(diffId)?.digest === record?.digest;
    return isOurs ? () => images.compressed(blob.open()) : undefined;
  }

  #diffIdOf(commit: Commit, before: TreeId | undefined): BlobDigest | undefined {
    const { blobs } = this.#repository;
    if (!hasLayer(commit, before)) return undefined;
    const { diffId, blob } = commit.image ?? {};
    if (diffId !== undefined) return blobs.hasTar(diffId) || (blob !== undefined && blobs.has(blob.digest)) ? diffId : undefined;
    return this.#sent.tar(before, commit.tree)?.digest;
  }
}
