import { createHash } from "node:crypto";
import { VarveError } from "../errors.js";
import type { Commit } from "../model/commit.js";
import { EMPTY_ROOT } from "../model/entry.js";
import type { CommitId } from "../model/ids.js";
import { blobDigest, type BlobDigest, type BlobRecord } from "../model/image.js";
import type { Tree } from "../model/tree.js";
import { openCommitTree } from "../operations/targets.js";
import type { OutgoingImage } from "../ports/images.js";
import type { OutgoingBlob } from "../ports/outgoing-blob.js";
import type { Repository } from "../ports/repository.js";
import { differenceTree, requireHoldable } from "../trees/difference-tree.js";
import { contentsOfCommit } from "../layers/commit-contents.js";
import { historyEntry, imageConfig, platformOf, requirePlatform, type Platform } from "./outgoing-config.js";

export interface ExportImageOptions {
  readonly references: readonly string[];
  /** One layer with the whole tree. */
  readonly squash: boolean;
  /** Layers that the store has as tars go out compressed. They are kept so until `gc`, for the next time. */
  readonly compress?: boolean | undefined;
  /** What the machine is, for commits that do not say for what they are. */
  readonly platform: Platform;
  /** What the commit has to be for: `os/architecture[/variant]`. One that does not say is for that. */
  readonly wantedPlatform?: string | undefined;
  /** SOURCE_DATE_EPOCH: no date in config and history is later, but for an image that goes out as it came. */
  readonly latest?: number | undefined;
  /** Hears of each commit, from 0. */
  readonly onStep?: ((step: number, steps: number) => void) | undefined;
}

export interface ExportedImage {
  readonly image: OutgoingImage;
  /** Paths that a tar can't hold, for people. */
  readonly skipped: readonly string[];
  /** Whether config and layers are those that the image came with: its id is the same. */
  readonly isSame: boolean;
}

/** Docker mounts 128 directories at most, and needs some for itself. */
export const MOST_LAYERS = 125;

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";
/** Docker's types, by which the same bytes go in a manifest of docker's. */
const DOCKER_LAYERS: Readonly<Record<string, string>> = {
  "application/vnd.docker.image.rootfs.diff.tar": LAYER,
  "application/vnd.docker.image.rootfs.diff.tar.gzip": `${LAYER}+gzip`,
  "application/vnd.docker.image.rootfs.diff.tar.zstd": `${LAYER}+zstd`,
};
const EMPTY: Tree = {
  root: { entry: EMPTY_ROOT, digest: undefined, children: () => [], child: () => undefined },
  close: () => undefined,
};

interface Layer {
  readonly diffId: BlobDigest;
  readonly blob: OutgoingBlob;
}

/**
 * An image of a commit and its first parents: each commit a layer, with its entry of the history. What came from an image goes out as it came, with the same
 * DiffIDs, and where nothing was added with the same config, so the same image id. Each layer has been made once when this resolves, so that nothing is
 * found to be impossible half-way; it is made again when it is read.
 *
 * @throws VarveError SOURCE_MISSING when it is not for `wantedPlatform`; UNSUPPORTED for a name that layers can't hold, and for more layers than docker
 *   takes; STORE_DAMAGED.
 */
export async function exportImage(repository: Repository, tip: CommitId, options: ExportImageOptions): Promise<ExportedImage> {
  const commits = await firstParents(repository, tip);
  const last = commits.at(-1)!;
  const own = options.wantedPlatform === undefined ? options.platform : requirePlatform(last, options.wantedPlatform);
  const skipped = new Set<string>();
  const made: (Layer | undefined)[] = [];
  for (const [index, commit] of commits.entries()) {
    options.onStep?.(index, commits.length);
    if (options.squash) made.push(commit === last ? await difference(repository, commit, undefined, skipped) : undefined);
    else made.push(await layerOf(repository, commit, skipped));
  }
  const plain = made.filter((layer) => layer !== undefined);
  if (plain.length > MOST_LAYERS) throw tooManyLayers(plain.length);
  const layers: Layer[] = [];
  for (const layer of plain) layers.push(options.compress === true ? await compressedLayer(repository, layer) : layer);
  const kept = options.squash ? undefined : keptConfig(repository, last, layers);
  const parts = {
    diffIds: layers.map(({ diffId }) => diffId),
    history: commits.map((commit, index) => historyEntry(commit, made[index] === undefined, options.latest)),
    latest: options.latest,
  };
  const config = kept ?? document(CONFIG, imageConfig(last, own, parts));
  const manifest = (kept && keptManifest(repository, last, layers)) ?? document(MANIFEST, manifestOf(config.record, layers));
  const platform = platformOf(last.config, own);
  const image = { references: options.references, config, manifest, layers: layers.map(({ blob }) => blob), platform };
  return { image, skipped: [...skipped].sort(), isSame: kept !== undefined };
}

async function firstParents({ history }: Repository, tip: CommitId): Promise<readonly Commit[]> {
  const commits: Commit[] = [];
  for (let at: CommitId | undefined = tip; at !== undefined;) {
    const commit: Commit = await history.readCommit(at);
    commits.push(commit);
    at = commit.parents[0];
  }
  return commits.reverse();
}

/** @returns `undefined` for a commit that changed no file. */
async function layerOf(repository: Repository, commit: Commit, skipped: Set<string>): Promise<Layer | undefined> {
  const { image, parents, id } = commit;
  const { blobs, history } = repository;
  if (image !== undefined && image.diffId === undefined) return undefined;
  if (image?.diffId !== undefined) {
    const { diffId, blob } = image;
    if (blob !== undefined && blobs.has(blob.digest))
      return { diffId, blob: { record: blob, open: () => blobs.open(blob.digest) } };
    if (blobs.hasTar(diffId)) {
      const record = { mediaType: LAYER, digest: diffId, size: blobs.tarSize(diffId) };
      return { diffId, blob: { record, open: () => tarAsItCame(repository, id, diffId) } };
    }
  }
  const parent = parents[0] === undefined ? undefined : await history.readCommit(parents[0]);
  return parent?.tree === commit.tree ? undefined : difference(repository, commit, parent?.id, skipped);
}

async function compressedLayer({ blobs, images }: Repository, { diffId, blob }: Layer): Promise<Layer> {
  if (blob.record.digest !== diffId) return { diffId, blob };
  const copy = blobs.copy(images.compressed(blob.open()));
  try {
    let size = 0;
    for await (const piece of copy.stream) size += piece.length;
    const digest = copy.keep();
    return { diffId, blob: { record: { mediaType: `${LAYER}+gzip`, digest, size }, open: () => blobs.open(digest) } };
  } finally {
    copy.discard();
  }
}

async function* tarAsItCame(repository: Repository, commit: CommitId, diffId: BlobDigest): AsyncGenerator<Uint8Array> {
  const contents = await contentsOfCommit(repository, commit);
  try {
    yield* repository.blobs.tar(diffId, contents.find);
  } finally {
    contents.close();
  }
}

/** @param parent Absent: the whole tree. */
async function difference(
  repository: Repository,
  { id }: Commit,
  parent: CommitId | undefined,
  skipped: Set<string>,
): Promise<Layer> {
  const open = (): AsyncGenerator<Uint8Array> => differenceTar(repository, id, parent);
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of differenceTar(repository, id, parent, (path) => skipped.add(path))) {
    hash.update(chunk);
    size += chunk.length;
  }
  const digest = blobDigest(hash.digest("hex"));
  return { diffId: digest, blob: { record: { mediaType: LAYER, digest, size }, open } };
}

/** @param onSkipped Given the first time, when names are looked at. */
async function* differenceTar(
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

function keptConfig({ blobs }: Repository, { image }: Commit, layers: readonly Layer[]): OutgoingBlob | undefined {
  const record = image?.config;
  if (record === undefined || !blobs.has(record.digest)) return undefined;
  const bytes = blobs.read(record.digest);
  const { rootfs } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { rootfs?: { diff_ids?: readonly string[] } };
  const same =
    rootfs?.diff_ids?.length === layers.length && layers.every(({ diffId }, index) => rootfs.diff_ids?.[index] === diffId);
  return same ? blobOf(record, bytes) : undefined;
}

/** Where each layer is as it was transferred. */
function keptManifest({ blobs }: Repository, { image }: Commit, layers: readonly Layer[]): OutgoingBlob | undefined {
  const record = image?.manifest;
  if (record === undefined || !blobs.has(record.digest)) return undefined;
  const bytes = blobs.read(record.digest);
  const { layers: wanted = [] } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { layers?: readonly { digest: string }[] };
  const same = wanted.length === layers.length && layers.every(({ blob }, index) => wanted[index]?.digest === blob.record.digest);
  return same ? blobOf(record, bytes) : undefined;
}

function manifestOf(config: BlobRecord, layers: readonly Layer[]): object {
  return {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { ...config, mediaType: CONFIG },
    layers: layers.map(({ blob: { record } }) => ({ ...record, mediaType: DOCKER_LAYERS[record.mediaType] ?? record.mediaType })),
  };
}

function document(mediaType: string, value: object): OutgoingBlob {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = blobDigest(createHash("sha256").update(bytes).digest("hex"));
  return blobOf({ mediaType, digest, size: bytes.length }, bytes);
}

function blobOf(record: BlobRecord, bytes: Uint8Array): OutgoingBlob {
  return {
    record,
    async *open() {
      yield bytes;
    },
  };
}

function tooManyLayers(count: number): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot make an image of ${count} layers: docker and podman take ${MOST_LAYERS}`, {
    hint: "Make one layer of them with --squash, or squash older commits first: varve squash.",
  });
}
