import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { VarveError } from "../../core/errors.js";
import { atOnce } from "../../core/exchange/at-once.js";
import type { CommitId, LayerId } from "../../core/model/ids.js";
import { blobDigest, type BlobDigest } from "../../core/model/image.js";
import type { HistorySelection, OutgoingHistory } from "../../core/ports/histories.js";
import type { OutgoingBlob } from "../../core/ports/outgoing-blob.js";
import { readRegularFile } from "../../linux/regular-file.js";
import { openBlobs, tarFile } from "../blobs/blob-store.js";
import { encodeBundle } from "../git/bundle-file.js";
import { GitObjects } from "../git/git-objects.js";
import { requireReadable } from "../git/history-objects.js";
import { OUR_FILES, parseCommit } from "../git/loose-commits.js";
import { filesOfTree, type LooseObject } from "../git/loose-objects.js";
import type { StoreLayout } from "../store-layout.js";
import { systemFailure } from "../system-failure.js";
import { blobOf, emptyConfig, encodeManifest, partType, type HistoryPart } from "./history-manifest.js";
import { SentLayers } from "./sent-layers.js";

const LARGEST_RECORD_BYTES = 2 ** 31;
/** Layers that are compressed at once; zlib has four threads of Node. */
const MOST_AT_ONCE = 4;
/** What registries take of a manifest. */
const LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Histories.outgoing. */
export async function outgoingHistory(
  layout: StoreLayout,
  selection: HistorySelection,
  onLayer?: (layer: number, layers: number) => void,
): Promise<OutgoingHistory> {
  const parts: HistoryPart[] = [];
  const blobs: OutgoingBlob[] = [];
  const add = (part: HistoryPart, blob: OutgoingBlob): void => {
    parts.push(part);
    blobs.push(blob);
  };
  const objects = blobOf(partType("objects"), await bundleOf(layout, selection));
  add({ kind: "objects", record: objects.record }, objects);
  const sent = new SentLayers(layout, partType("layer"));
  try {
    await compressAll(sent, selection.layers, onLayer);
    for (const id of selection.layers) {
      const blob = await sent.blob(id);
      add({ kind: "layer", record: blob.record, id, imageBytes: sent.imageBytes(id) }, blob);
    }
    const kept = openBlobs(layout);
    for (const { digest, size } of selection.documents) {
      const record = { mediaType: partType("document"), digest, size };
      add({ kind: "document", record }, { record, open: () => kept.open(digest) });
    }
    for (const diffId of selection.tars) {
      const blob = tarRecord(layout, diffId);
      add({ kind: "tar", record: blob.record, diffId }, blob);
    }
  } catch (error) {
    sent.close();
    throw error;
  }
  return { config: emptyConfig(), blobs, manifest: (subject) => manifestOf(parts, subject), close: () => sent.close() };
}

/** Those that nobody has sent before. */
async function compressAll(
  sent: SentLayers,
  layers: readonly LayerId[],
  onLayer?: (layer: number, layers: number) => void,
): Promise<void> {
  const unknown = layers.filter((id) => !sent.isKnown(id));
  let begun = 0;
  const compress = async (id: LayerId): Promise<void> => {
    onLayer?.(begun, unknown.length);
    begun += 1;
    await sent.blob(id);
  };
  await atOnce(unknown, Math.min(availableParallelism(), MOST_AT_ONCE), compress, () => undefined);
}

function manifestOf(parts: readonly HistoryPart[], subject: Parameters<OutgoingHistory["manifest"]>[0]): OutgoingBlob {
  const manifest = encodeManifest(parts, subject);
  if (manifest.record.size <= LARGEST_MANIFEST_BYTES) return manifest;
  throw new VarveError("UNSUPPORTED", `Cannot send the history: it has ${parts.length} parts, too many for one manifest`, {
    hint: "Make one layer of older ones with varve squash, or send a part of it: varve bundle A..B FILE.",
  });
}

/** Small: mostly headers, compressed. */
function tarRecord(layout: StoreLayout, diffId: BlobDigest): OutgoingBlob {
  const file = tarFile(layout, diffId);
  const read = (): Buffer => {
    try {
      return readRegularFile(file, { largest: LARGEST_RECORD_BYTES });
    } catch (error) {
      throw systemFailure("read the record of a tar", error, file);
    }
  };
  const bytes = read();
  const digest = blobDigest(createHash("sha256").update(bytes).digest("hex"));
  return {
    record: { mediaType: partType("tar"), digest, size: bytes.length },
    async *open() {
      yield read();
    },
  };
}

async function bundleOf(layout: StoreLayout, { refs, prerequisites, commits }: HistorySelection): Promise<Buffer> {
  const git = new GitObjects(layout);
  const objects = new Map<string, LooseObject>();
  for (const id of commits) await addCommit(git, id, objects);
  for (const { tag } of refs) if (tag !== undefined) objects.set(tag, await git.raw(tag));
  requireReadable(objects);
  const bundle = {
    refs: refs.map(({ name, commit, tag }) => ({ name, id: tag ?? commit })),
    prerequisites: prerequisites.map(({ commit, subject }) => ({ id: commit, subject })),
  };
  return encodeBundle(bundle, [...objects.values()]);
}

/** Each object after those that it names. */
async function addCommit(git: GitObjects, id: CommitId, objects: Map<string, LooseObject>): Promise<void> {
  const object = await git.raw(id);
  const commit = object.kind === "commit" ? parseCommit(id, object.body) : undefined;
  const tree = commit && (await git.raw(commit.tree));
  const files = tree && filesOfTree(tree.body);
  if (
    commit === undefined ||
    tree === undefined ||
    files === undefined ||
    ![...files.keys()].every((name) => OUR_FILES.has(name))
  )
    throw foreignCommit(id);
  for (const file of files.values()) if (!objects.has(file)) objects.set(file, await git.raw(file));
  objects.set(commit.tree, tree);
  objects.set(id, object);
}

function foreignCommit(id: CommitId): VarveError {
  return new VarveError("UNSUPPORTED", `Cannot send commit "${id}": it was made or changed by git, not by varve`, {
    hint: "Send what comes before it, or copy the store's directory.",
  });
}
