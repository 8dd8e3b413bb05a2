import { createHash } from "node:crypto";
import { VarveError } from "../errors.js";
import type { Commit } from "../model/commit.js";
import type { CommitId } from "../model/ids.js";
import { blobDigest, type BlobRecord } from "../model/image.js";
import type { OutgoingImage } from "../ports/images.js";
import type { OutgoingBlob } from "../ports/outgoing-blob.js";
import type { Repository } from "../ports/repository.js";
import { atOnce } from "./at-once.js";
import { historyEntry, imageConfig, platformOf, requirePlatform, type Platform } from "./outgoing-config.js";
import { hasLayer, LAYER_TYPE, outgoingLayer, type OutgoingLayer } from "./outgoing-layer.js";

export interface ExportImageOptions {
  readonly references: readonly string[];
  /** One layer with the whole tree. */
  readonly squash: boolean;
  /** Layers that the store has as tars go out compressed. They are kept so until `gc`, for the next time. */
  readonly compress?: boolean | undefined;
  /** Layers that are made at once, 1 by default: compression is what goes side by side. */
  readonly jobs?: number | undefined;
  /** What the machine is, for commits that do not say for what they are. */
  readonly platform: Platform;
  /** What the commit has to be for: `os/architecture[/variant]`. One that does not say is for that. */
  readonly wantedPlatform?: string | undefined;
  /** SOURCE_DATE_EPOCH: no date in config and history is later, but for an image that goes out as it came. */
  readonly latest?: number | undefined;
  /** Hears of each layer, before it is made: how many are made, of how many. */
  readonly onStep?: ((made: number, layers: number) => void) | undefined;
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
/** Docker's types, by which the same bytes go in a manifest of docker's. */
const DOCKER_LAYERS: Readonly<Record<string, string>> = {
  "application/vnd.docker.image.rootfs.diff.tar": LAYER_TYPE,
  "application/vnd.docker.image.rootfs.diff.tar.gzip": `${LAYER_TYPE}+gzip`,
  "application/vnd.docker.image.rootfs.diff.tar.zstd": `${LAYER_TYPE}+zstd`,
};

/**
 * An image of a commit and its first parents: each commit a layer, with its entry of the history. What came from an image goes out as it came, with the same
 * DiffIDs, and where nothing was added with the same config, so the same image id.
 *
 * @throws VarveError SOURCE_MISSING when it is not for `wantedPlatform`; UNSUPPORTED for a name that layers can't hold, and for more layers than docker
 *   takes; STORE_DAMAGED.
 */
export async function exportImage(repository: Repository, tip: CommitId, options: ExportImageOptions): Promise<ExportedImage> {
  const commits = await firstParents(repository, tip);
  const last = commits.at(-1)!;
  const own = options.wantedPlatform === undefined ? options.platform : requirePlatform(last, options.wantedPlatform);
  const skipped = new Set<string>();
  const made = await layersOf(repository, commits, options, skipped);
  const layers = made.filter((layer) => layer !== undefined);
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

/** @returns Of each commit; `undefined` for one that becomes an entry of the history alone. */
async function layersOf(
  repository: Repository,
  commits: readonly Commit[],
  { squash, compress = false, jobs = 1, onStep }: ExportImageOptions,
  skipped: Set<string>,
): Promise<readonly (OutgoingLayer | undefined)[]> {
  const last = commits.length - 1;
  const wanted = [...commits.keys()].filter((at) => (squash ? at === last : hasLayer(commits[at]!, commits[at - 1]?.tree)));
  if (wanted.length > MOST_LAYERS) throw tooManyLayers(wanted.length);
  const made = commits.map((): OutgoingLayer | undefined => undefined);
  let [done, isOver] = [0, false];
  const options = { squash, compress, skipped, sent: await repository.images.sent(), isOver: () => isOver };
  const make = async (at: number): Promise<void> => {
    onStep?.(done, wanted.length);
    made[at] = await outgoingLayer(repository, commits[at]!, commits[at - 1], options);
    done += 1;
  };
  await atOnce(wanted, jobs, make, () => (isOver = true));
  return made;
}

function keptConfig({ blobs }: Repository, { image }: Commit, layers: readonly OutgoingLayer[]): OutgoingBlob | undefined {
  const record = image?.config;
  if (record === undefined || !blobs.has(record.digest)) return undefined;
  const bytes = blobs.read(record.digest);
  const { rootfs } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { rootfs?: { diff_ids?: readonly string[] } };
  const same =
    rootfs?.diff_ids?.length === layers.length && layers.every(({ diffId }, index) => rootfs.diff_ids?.[index] === diffId);
  return same ? blobOf(record, bytes) : undefined;
}

/** Where each layer is as it was transferred. */
function keptManifest({ blobs }: Repository, { image }: Commit, layers: readonly OutgoingLayer[]): OutgoingBlob | undefined {
  const record = image?.manifest;
  if (record === undefined || !blobs.has(record.digest)) return undefined;
  const bytes = blobs.read(record.digest);
  const { layers: wanted = [] } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { layers?: readonly { digest: string }[] };
  const same = wanted.length === layers.length && layers.every(({ blob }, index) => wanted[index]?.digest === blob.record.digest);
  return same ? blobOf(record, bytes) : undefined;
}

function manifestOf(config: BlobRecord, layers: readonly OutgoingLayer[]): object {
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
