import { createHash } from "node:crypto";
import { VarveError } from "../errors.js";
import { contentsOfCommit } from "../layers/commit-contents.js";
import type { Commit } from "../model/commit.js";
import { EMPTY_ROOT } from "../model/entry.js";
import type { CommitId, TreeId } from "../model/ids.js";
import { blobDigest, type BlobDigest, type BlobRecord, type SizedDigest } from "../model/image.js";
import type { Tree } from "../model/tree.js";
import { openCommitTree } from "../operations/targets.js";
import type { SentTars } from "../ports/images.js";
import type { OutgoingBlob } from "../ports/outgoing-blob.js";
import type { Repository } from "../ports/repository.js";
import { differenceTree, requireHoldable } from "../trees/difference-tree.js";

/** A commit's layer in an image. */
export interface OutgoingLayer {
  readonly diffId: BlobDigest;
  readonly blob: OutgoingBlob;
}

export interface OutgoingLayerOptions {
  /** The whole tree, in place of what the commit changed. */
  readonly squash: boolean;
  /** A layer that the store has as a tar goes out compressed. It is kept so until `gc`, for the next time. */
  readonly compress: boolean;
  /** Gets paths that a tar can't hold, for people. */
  readonly skipped: Set<string>;
  /** What went out before. */
  readonly sent: SentTars;
  /** Whether nobody wants the layer any more, since something else failed. */
  readonly isOver: () => boolean;
}

export const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";
const EMPTY: Tree = {
  root: { entry: EMPTY_ROOT, digest: undefined, children: () => [], child: () => undefined },
  close: () => undefined,
};

/** Whether the commit becomes a layer of its own, and not an entry of the history alone. @param before The tree of its first parent. */
export function hasLayer({ image, tree }: Commit, before: TreeId | undefined): boolean {
  return image === undefined ? before !== tree : image.diffId !== undefined;
}

/**
 * The layer of a commit that has one. What came from an image goes out as it came. All else is made once before this resolves, so that nothing is found to
 * be impossible half-way; unless it went out before, which is remembered. It is made again when it is read.
 *
 * @param parent The commit's first one.
 * @throws VarveError UNSUPPORTED for a name that layers can't hold; STORE_DAMAGED.
 */
export async function outgoingLayer(
  repository: Repository,
  commit: Commit,
  parent: Commit | undefined,
  options: OutgoingLayerOptions,
): Promise<OutgoingLayer> {
  const { blobs } = repository;
  const { diffId, blob } = (!options.squash && commit.image) || {};
  if (diffId !== undefined) {
    if (blob !== undefined && blobs.has(blob.digest))
      return { diffId, blob: { record: blob, open: () => blobs.open(blob.digest) } };
    if (blobs.hasTar(diffId)) return layerOfTar(repository, tarAsItCame(repository, commit.id, diffId), options);
  }
  return layerOfTar(repository, tarOfChange(repository, commit, options.squash ? undefined : parent, options.sent), options);
}

/** The tar of a layer, not compressed. */
interface LayerTar {
  readonly known: SizedDigest | undefined;
  /** @param onSkipped Given the first time, when names are looked at, too. */
  open(onSkipped?: (path: string) => void): AsyncIterable<Uint8Array>;
  remember(tar: SizedDigest): void;
}

async function layerOfTar(repository: Repository, tar: LayerTar, options: OutgoingLayerOptions): Promise<OutgoingLayer> {
  const { known } = tar;
  if (known === undefined) return options.compress ? compressedLayer(repository, tar, options) : plainLayer(tar, options);
  if (!options.compress) return layer(known.digest, plainRecord(known), () => tar.open());
  const sent = options.sent.compressed(known.digest);
  if (sent === undefined) return compressedLayer(repository, tar, options);
  const { blobs, images } = repository;
  return layer(known.digest, compressedRecord(sent), () =>
    blobs.has(sent.digest) ? blobs.open(sent.digest) : asBefore(images.compressed(tar.open()), sent, options.sent),
  );
}

async function plainLayer(tar: LayerTar, options: OutgoingLayerOptions): Promise<OutgoingLayer> {
  const reading = new FirstReading(tar, options);
  await drained(reading.stream);
  const found = reading.end();
  return layer(found.digest, plainRecord(found), () => tar.open());
}

/** Kept, so that it is compressed once. A store that can't take it, since its disk is full or read-only, has it made again when it is sent. */
async function compressedLayer(repository: Repository, tar: LayerTar, options: OutgoingLayerOptions): Promise<OutgoingLayer> {
  try {
    return await keptLayer(repository, tar, options);
  } catch (error) {
    if (!(error instanceof VarveError) || !["DISK_FULL", "PERMISSION"].includes(error.code)) throw error;
    return layerMadeAgain(repository, tar, options);
  }
}

async function keptLayer({ blobs, images }: Repository, tar: LayerTar, options: OutgoingLayerOptions): Promise<OutgoingLayer> {
  const reading = new FirstReading(tar, options);
  const copy = blobs.copy(images.compressed(reading.stream));
  try {
    const size = await drained(copy.stream);
    const found = reading.end();
    const digest = copy.keep();
    options.sent.rememberCompressed(found.digest, { digest, size });
    return layer(found.digest, compressedRecord({ digest, size }), () => blobs.open(digest));
  } finally {
    copy.discard();
  }
}

async function layerMadeAgain({ images }: Repository, tar: LayerTar, options: OutgoingLayerOptions): Promise<OutgoingLayer> {
  const reading = new FirstReading(tar, options);
  const measure = new Measure();
  for await (const piece of images.compressed(reading.stream)) measure.add(piece);
  const [found, made] = [reading.end(), measure.end()];
  return layer(found.digest, compressedRecord(made), () => asBefore(images.compressed(tar.open()), made, options.sent));
}

/** Finds out what bytes are, piece by piece. */
class Measure {
  readonly #hash = createHash("sha256");
  #size = 0;

  add(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#size += piece.length;
  }

  end(): SizedDigest {
    return { digest: blobDigest(this.#hash.digest("hex")), size: this.#size };
  }
}

/** Finds out what a tar is while somebody reads it. */
class FirstReading {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly #tar: LayerTar;
  readonly #left = new Set<string>();
  readonly #options: OutgoingLayerOptions;
  readonly #measure = new Measure();

  constructor(tar: LayerTar, options: OutgoingLayerOptions) {
    this.#tar = tar;
    this.#options = options;
    this.stream = this.#read(tar.open((path) => this.#left.add(path)));
  }

  /** When all was read. */
  end(): SizedDigest {
    const found = this.#measure.end();
    // What was left out has to be told each time.
    if (this.#left.size === 0) this.#tar.remember(found);
    for (const path of this.#left) this.#options.skipped.add(path);
    return found;
  }

  async *#read(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      if (this.#options.isOver()) throw new Unwanted();
      this.#measure.add(chunk);
      yield chunk;
    }
  }
}

/** Nobody hears of it: who asked for the layer has failed before. */
class Unwanted extends Error {}

function layer(diffId: BlobDigest, record: BlobRecord, open: () => AsyncIterable<Uint8Array>): OutgoingLayer {
  return { diffId, blob: { record, open } };
}

const plainRecord = (found: SizedDigest): BlobRecord => ({ mediaType: LAYER_TYPE, ...found });
const compressedRecord = (found: SizedDigest): BlobRecord => ({ mediaType: `${LAYER_TYPE}+gzip`, ...found });

async function drained(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const piece of stream) size += piece.length;
  return size;
}

/** @param parent Absent: the whole tree. */
function tarOfChange(repository: Repository, commit: Commit, parent: Commit | undefined, sent: SentTars): LayerTar {
  const known = sent.tar(parent?.tree, commit.tree);
  return {
    known,
    open: (onSkipped) => {
      const stream = changeTar(repository, commit.id, parent?.id, onSkipped);
      return known === undefined ? stream : asBefore(stream, known, sent);
    },
    remember: (found) => sent.rememberTar(parent?.tree, commit.tree, found),
  };
}

async function* changeTar(
  repository: Repository,
  commit: CommitId,
  parent: CommitId | undefined,
  onSkipped?: (path: string) => void,
): AsyncGenerator<Uint8Array> {
  const after = await openCommitTree(repository, commit);
  const before = parent === undefined ? EMPTY : await openCommitTree(repository, parent);
  try {
    if (parent === undefined && onSkipped !== undefined) await requireHoldable(after);
    const tree = parent === undefined ? after : await differenceTree(before, after);
    yield* repository.images.layerTar(tree, onSkipped);
  } finally {
    after.close();
    before.close();
  }
}

function tarAsItCame(repository: Repository, commit: CommitId, diffId: BlobDigest): LayerTar {
  return {
    known: { digest: diffId, size: repository.blobs.tarSize(diffId) },
    open: () => putTogether(repository, commit, diffId),
    remember: () => undefined,
  };
}

async function* putTogether(repository: Repository, commit: CommitId, diffId: BlobDigest): AsyncGenerator<Uint8Array> {
  const contents = await contentsOfCommit(repository, commit);
  try {
    yield* repository.blobs.tar(diffId, contents.find);
  } finally {
    contents.close();
  }
}

/** @throws VarveError STORE_DAMAGED at its end, where the bytes are not what is remembered of them; then it is not any more. */
async function* asBefore(
  stream: AsyncIterable<Uint8Array>,
  { digest, size }: SizedDigest,
  sent: SentTars,
): AsyncGenerator<Uint8Array> {
  const measure = new Measure();
  for await (const chunk of stream) {
    measure.add(chunk);
    yield chunk;
  }
  const found = measure.end();
  if (found.size === size && found.digest === digest) return;
  sent.forget();
  throw new VarveError("STORE_DAMAGED", `Cannot make a layer: it is not ${digest}, which it was when it went out before`, {
    hint: "What was remembered of it is forgotten now: try again. If it fails again, run varve fsck.",
  });
}
