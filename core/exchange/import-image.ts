import { VarveError, type ErrorCode } from "../errors.js";
import { commitTree, type WrittenCommit } from "../layers/commit-tree.js";
import type { LayerProgress } from "../model/layer-progress.js";
import type { Commit, Signature } from "../model/commit.js";
import type { CommitId, TreeId } from "../model/ids.js";
import type { BlobRecord, ImageRecord } from "../model/image.js";
import type { OpenedImage, ReadLayer } from "../ports/images.js";
import type { Repository } from "../ports/repository.js";
import { NAMED } from "../revision/ref-names.js";
import { safeMessage } from "../text/safe-message.js";
import { openCommitTree } from "../operations/targets.js";
import { LayersAtHand } from "./layers-at-hand.js";
import { imageSteps, type ImageStep } from "./image-steps.js";
import { IncomingLayers, type IncomingLayer, type IncomingLayersOptions } from "./incoming-layers.js";

export interface ImportImageOptions extends IncomingLayersOptions {
  /** Compressed layers are kept as they came when those of the image have no more bytes than this together: then its manifest has the same digest when it goes out. */
  readonly keepBytes: number;
  readonly observe?: ((progress: LayerProgress) => void) | undefined;
  /** Hears of each step, from 0. */
  readonly onStep?: ((step: number, steps: number) => void) | undefined;
}

export interface ImportedImage {
  readonly commit: Commit;
  /** Commits that the store did not have. */
  readonly added: number;
  /** Whole sentences for people. */
  readonly warnings: readonly string[];
}

/** What a commit of no history is dated by. */
const EPOCH_SECONDS = 0;
const NOBODY = "OCI image";
const LONGEST_MESSAGE = 4000;
const OF_DAMAGE: ReadonlySet<ErrorCode> = new Set(["STORE_DAMAGED", "LAYER_CORRUPT", "SOURCE_INVALID"]);
/** BuildKit writes "buildkit.dockerfile.v0" to each step, buildah the image that it stands on: the instruction tells more. */
const TOOLS_COMMENT = /^(?:buildkit\.\S+|FROM \S+)$/;

/**
 * Makes an image's history a history of commits, the oldest first. They follow from the image alone, so that the same image gives the same commits in every
 * store, and images with the same first layers share theirs. No ref moves; the store's lock is held by the caller.
 *
 * @throws VarveError SOURCE_INVALID when the image is not what its digests say; DISK_FULL, PERMISSION, INTERRUPTED. What was written by then is found again by
 *   the next try, or goes with `gc`.
 */
export async function importImage(
  repository: Repository,
  image: OpenedImage,
  options: ImportImageOptions,
): Promise<ImportedImage> {
  const steps = imageSteps(image);
  if (steps.length === 0) throw emptyImage();
  // What is in a file is read from there in the same time.
  const isRemote = image.stopTransfers !== undefined;
  const known = await knownCommits(repository, isRemote);
  const keepsBlobs = compressedBytes(image) <= options.keepBytes;
  const warnings: string[] = [];
  let parent: CommitId | undefined;
  let commit: Commit | undefined;
  let added = 0;
  const planned = planOf(repository, { steps, image, known: known.images, keepsBlobs });
  const plan = isRemote ? await withLayersAtHand(known.layers, planned, keepsBlobs) : planned;
  const wanted = plan.flatMap(({ step, same, atHand }) =>
    same === undefined && atHand === undefined && step.layer !== undefined ? [step.layer.source] : [],
  );
  const incoming = new IncomingLayers(repository.blobs, image, wanted, options);
  try {
    for (const [index, { step, last, same, atHand }] of plan.entries()) {
      options.onStep?.(index, steps.length);
      const isSame: boolean = same !== undefined && same.parents[0] === parent;
      if (!isSame) added += 1;
      commit = isSame
        ? same!
        : await writeStepAnyhow(repository, { parent, step, last, atHand, keepsBlobs, warnings, incoming }, options);
      parent = commit.id;
    }
  } finally {
    await incoming.close();
  }
  // Once all of it is known to be right, and before a ref leads there.
  keepDocuments(repository, image);
  return { commit: commit!, added, warnings };
}

interface PlannedStep {
  readonly step: ImageStep;
  readonly last: Pick<ImageRecord, "config" | "manifest">;
  /** What the store has of it, if its parent turns out to be the one that is expected. */
  readonly same: Commit | undefined;
  /** The bytes of its layer, where the store can make them. */
  readonly atHand?: (() => AsyncIterable<Uint8Array>) | undefined;
}

interface PlanRequest {
  readonly steps: readonly ImageStep[];
  readonly image: OpenedImage;
  readonly known: ReadonlyMap<CommitId | undefined, readonly Commit[]>;
  readonly keepsBlobs: boolean;
}

/** Tells before any layer is transferred which of them will be read. */
function planOf(repository: Repository, { steps, image, known, keepsBlobs }: PlanRequest): readonly PlannedStep[] {
  let parent: { readonly id: CommitId | undefined } | undefined = { id: undefined };
  return steps.map((step, index) => {
    const last = index === steps.length - 1 ? documentsOf(image) : {};
    const alike: readonly Commit[] = (parent === undefined ? [] : (known.get(parent.id) ?? [])).filter((each) =>
      isOf(each, step, last),
    );
    const same = alike.find((each) => isComplete(repository, each, step, keepsBlobs));
    // One that lacks something is read again, and comes out as the same commit, unless the layer came in another compression.
    parent = same ?? alike.find(({ image: known }) => known?.blob?.digest === step.layer?.source.record?.digest);
    return { step, last, same };
  });
}

async function withLayersAtHand(
  layers: LayersAtHand,
  plan: readonly PlannedStep[],
  keepsBlobs: boolean,
): Promise<readonly PlannedStep[]> {
  const found: PlannedStep[] = [];
  for (const planned of plan) {
    const { layer } = planned.step;
    if (planned.same !== undefined || layer === undefined) found.push(planned);
    else {
      const { source, diffId } = layer;
      const atHand = await layers.find(diffId, source, keepsBlobs && isCompressed(source.record, diffId));
      found.push({ ...planned, atHand });
    }
  }
  return found;
}

interface StepRequest extends Omit<PlannedStep, "same"> {
  readonly parent: CommitId | undefined;
  readonly keepsBlobs: boolean;
  readonly warnings: string[];
  readonly incoming: IncomingLayers;
}

/** What the store has may be damaged: then the source's own is taken. */
async function writeStepAnyhow(
  repository: Repository,
  request: StepRequest,
  options: ImportImageOptions,
): Promise<WrittenCommit> {
  try {
    return await writeStep(repository, request, options);
  } catch (error) {
    if (request.atHand === undefined || !(error instanceof VarveError) || !OF_DAMAGE.has(error.code)) throw error;
    return writeStep(repository, { ...request, atHand: undefined }, options);
  }
}

async function writeStep(
  repository: Repository,
  { parent, step, last, atHand, keepsBlobs, warnings, incoming }: StepRequest,
  { observe }: ImportImageOptions,
): Promise<WrittenCommit> {
  const { layer, history, config } = step;
  const base = await openCommitTree(repository, parent);
  let read: ReadLayer | undefined;
  let coming: IncomingLayer | undefined;
  const keeps = keepsBlobs && layer !== undefined && isCompressed(layer.source.record, layer.diffId);
  try {
    const record: ImageRecord = {
      ...(layer && { diffId: layer.diffId, ...(layer.source.record && { blob: layer.source.record }) }),
      ...(history && { history }),
      ...last,
    };
    const who = madeBy(step);
    const commit = await commitTree(repository, {
      parent,
      base,
      target: async (writer) => {
        if (layer === undefined) return base;
        coming = atHand === undefined ? incoming.open(layer.source, keeps) : incoming.take(atHand(), keeps);
        read = await repository.images.readLayer(coming.stream, writer, base, layer.source.name);
        if (read.diffId !== layer.diffId) throw wrongDiffId(layer.source.name, read.diffId, layer.diffId);
        return read.tree;
      },
      message: messageOf(step),
      author: who,
      committer: who,
      allowEmpty: true,
      config,
      image: record,
      observe,
    });
    // After the layer, which holds what the tar is put together of.
    const isWhole = read?.keepTar() ?? true;
    coming?.keep();
    if (!isWhole && !keeps)
      warnings.push(`${layer!.source.name} has an entry twice: it goes out with another digest than it came with.`);
    warnings.push(...(read?.warnings ?? []));
    return commit!;
  } finally {
    read?.discard();
    coming?.discard();
    base.close();
  }
}

interface KnownCommits {
  /** Commits of images, by their first parents. */
  readonly images: ReadonlyMap<CommitId | undefined, readonly Commit[]>;
  readonly layers: LayersAtHand;
}

/** Of all that refs lead to by first parents. @param wantsLayers Whether layers are looked up, too, which asks for files of each. */
async function knownCommits(repository: Repository, wantsLayers: boolean): Promise<KnownCommits> {
  const { history } = repository;
  const images = new Map<CommitId | undefined, Commit[]>();
  const layers = new LayersAtHand(repository, await repository.images.sent());
  const trees = new Map<CommitId, TreeId>();
  const refs = await Promise.all(NAMED.map((prefix) => history.listRefs(prefix)));
  for (const { commit: tip } of refs.flat()) {
    let child: Commit | undefined;
    for (let at: CommitId | undefined = tip; at !== undefined && !trees.has(at);) {
      const commit: Commit = await history.readCommit(at);
      trees.set(at, commit.tree);
      if (wantsLayers && child !== undefined) layers.add(child, commit.tree);
      const [parent] = commit.parents;
      if (commit.image !== undefined) images.set(parent, [...(images.get(parent) ?? []), commit]);
      [child, at] = [commit, parent];
    }
    const [last] = child?.parents ?? [];
    if (wantsLayers && child !== undefined) layers.add(child, last && trees.get(last));
  }
  return { images, layers };
}

function isOf({ image, config, message }: Commit, step: ImageStep, { config: wanted, manifest }: StepRequest["last"]): boolean {
  return (
    image?.diffId === step.layer?.diffId &&
    image?.config?.digest === wanted?.digest &&
    image?.manifest?.digest === manifest?.digest &&
    message === messageOf(step) &&
    JSON.stringify(image?.history) === JSON.stringify(step.history) &&
    JSON.stringify(config) === JSON.stringify(step.config)
  );
}

/** Whether the layer can go out as it came, as far as that is possible: what is lost of it is put back by reading it again. */
function isComplete({ blobs, layers }: Repository, { layer: id }: Commit, { layer }: ImageStep, keepsBlobs: boolean): boolean {
  if (!layers.has(id)) return false;
  if (layer === undefined) return true;
  const { diffId, source } = layer;
  if (!blobs.hasTar(diffId) && !blobs.lacksTar(diffId)) return false;
  return !keepsBlobs || !isCompressed(source.record, diffId) || blobs.has(source.record.digest);
}

function keepDocuments({ blobs }: Repository, { config, manifest }: OpenedImage): void {
  for (const document of [config, manifest])
    if (document !== undefined && !isSound(blobs, document.record.digest)) blobs.put(document.bytes);
}

function documentsOf({ config, manifest }: OpenedImage): Pick<ImageRecord, "config" | "manifest"> {
  return { config: config.record, ...(manifest && { manifest: manifest.record }) };
}

function isSound(blobs: Repository["blobs"], digest: BlobRecord["digest"]): boolean {
  try {
    return blobs.has(digest) && blobs.read(digest).length > 0;
  } catch (error) {
    if (error instanceof VarveError && error.code === "STORE_DAMAGED") return false;
    throw error;
  }
}

/** A plain layer's digest is its DiffID: it needs no copy. */
function isCompressed(record: BlobRecord | undefined, diffId: string): record is BlobRecord {
  return record !== undefined && record.digest !== diffId;
}

function compressedBytes({ layers }: OpenedImage): number {
  return layers.reduce((sum, { record }) => sum + (record?.size ?? 0), 0);
}

/** Nothing of the machine that reads the image. */
function madeBy({ history = {}, config }: ImageStep): Signature {
  const time = Date.parse(textOf(history["created"] ?? config["created"]));
  const author = textOf(history["author"] ?? config["author"])
    .split("\n")[0]!
    .trim();
  const [, name = author, email = ""] = /^(.*?)\s*<([^<>]*)>$/.exec(author) ?? [];
  const seconds = Number.isNaN(time) ? EPOCH_SECONDS : Math.floor(time / 1000);
  return { name: name === "" ? NOBODY : name, email, seconds: Math.max(seconds, 0), offsetMinutes: 0 };
}

function messageOf({ history = {}, layer }: ImageStep): string {
  const comment = textOf(history["comment"]);
  const text = (TOOLS_COMMENT.test(comment) ? "" : comment) || textOf(history["created_by"]) || comment;
  const words = text.replace(/^\/bin\/sh -c #\(nop\)\s+/, "").trim();
  if (words === "") return layer === undefined ? "an empty layer" : layer.source.name;
  // As it will be read again: else the commit would not be known as this step's. Half a pair has no UTF-8.
  return safeMessage(words.slice(0, LONGEST_MESSAGE).replace(/\p{Surrogate}/gu, "\ufffd"));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function wrongDiffId(name: string, found: string, wanted: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot read ${name}: its tar has the digest ${found}, and the config says ${wanted}`, {
    hint: "The image is damaged or was made to do harm. Save it again, or take it from its source again.",
  });
}

function emptyImage(): VarveError {
  return new VarveError("SOURCE_INVALID", "Cannot read the image: it has no layers and no history");
}
