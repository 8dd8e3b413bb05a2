import { VarveError } from "../../errors.js";
import { parseStrictJson } from "../../image/strict-json.js";
import { contentsOfChain } from "../../layers/commit-contents.js";
import { layerChain } from "../../layers/layer-chain.js";
import { writeLayer } from "../../layers/write-layer.js";
import type { Commit } from "../../model/commit.js";
import type { LayerId, TreeId } from "../../model/ids.js";
import type { BlobDigest } from "../../model/image.js";
import type { Tree } from "../../model/tree.js";
import { openCommitTree } from "../../operations/targets.js";
import type { LayerWriter } from "../../ports/layer-store.js";
import type { Repository } from "../../ports/repository.js";

/**
 * That a commit from elsewhere is what it says to be of an image: its config is the image's, and the tar of that DiffID, put on top of its parent, gives its
 * tree. An image that is loaded later takes such a commit for its own, unread; so a forged one would stand for any image. The commit is not in place yet, its
 * parents are.
 *
 * @param otherTar The tar of a DiffID, compressed or not, where the store has no record of it.
 * @throws VarveError SOURCE_INVALID.
 */
export async function proveImageRecord(
  repository: Repository,
  commit: Commit,
  otherTar?: (diffId: BlobDigest) => AsyncIterable<Uint8Array> | undefined,
): Promise<void> {
  const { diffId, config } = commit.image ?? {};
  if (config !== undefined) {
    const told = parsedDocument(repository.blobs.read(config.digest));
    if (told === undefined || JSON.stringify(told) !== JSON.stringify(commit.config))
      throw forged(commit, "has another config than the image that it names");
  }
  const stream = diffId && (await tarOf(repository, commit, diffId, otherTar));
  const parent = commit.parents[0];
  const base = await openCommitTree(repository, parent);
  const [, ...chain] = await layersOf(repository, commit);
  const writer = repository.layers.write(chain);
  try {
    const name = `the layer of commit ${commit.id.slice(0, 12)}`;
    const read = stream === undefined ? undefined : await repository.images.readLayer(stream, writer, base, name);
    read?.discard();
    if (read?.diffId !== diffId) throw forged(commit, "has another DiffID than its layer");
    if ((await treeOf(writer, base, read?.tree ?? base)) !== commit.tree)
      throw forged(commit, "holds other files than the image that it names");
  } finally {
    writer.abort();
    base.close();
  }
}

/** @returns `undefined` for what is no JSON, or JSON that two readers may take differently. */
export function parsedDocument(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Newest first. Of the commit's parents all are in place, itself need not be. */
export async function layersOf({ history }: Repository, { layer, parents }: Commit): Promise<readonly LayerId[]> {
  const [parent] = parents;
  return [layer, ...(parent === undefined ? [] : await layerChain(history, parent))];
}

async function treeOf(writer: LayerWriter, base: Tree, target: Tree): Promise<TreeId> {
  return (await writeLayer(writer, base, target)).tree;
}

async function tarOf(
  repository: Repository,
  commit: Commit,
  diffId: BlobDigest,
  otherTar?: (diffId: BlobDigest) => AsyncIterable<Uint8Array> | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  if (repository.blobs.hasTar(diffId)) return tarAsItCame(repository, commit, diffId);
  const stream = otherTar?.(diffId);
  if (stream !== undefined) return stream;
  throw forged(commit, "tells of an image's layer, and nothing that came with it shows that layer");
}

async function* tarAsItCame(repository: Repository, commit: Commit, diffId: BlobDigest): AsyncGenerator<Uint8Array> {
  const contents = await contentsOfChain(repository, await layersOf(repository, commit));
  try {
    yield* repository.blobs.tar(diffId, contents.find);
  } finally {
    contents.close();
  }
}

function forged({ id }: Commit, state: string): VarveError {
  return new VarveError("SOURCE_INVALID", `Cannot take the history in: commit "${id}" ${state}`, {
    hint: "The history is damaged or was made to do harm. Of an image in a registry, --no-history takes the image alone.",
  });
}
