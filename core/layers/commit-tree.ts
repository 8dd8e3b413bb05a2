import type { Commit, ImageConfig, Origin, Signature } from "../model/commit.js";
import { changeImageConfig } from "../image/change-image-config.js";
import type { CommitId, LayerId } from "../model/ids.js";
import type { ImageRecord } from "../model/image.js";
import type { Tree } from "../model/tree.js";
import type { LayerWriter } from "../ports/layer-store.js";
import type { Repository } from "../ports/repository.js";
import { keptLayers } from "./kept-layers.js";
import { layerChain } from "./layer-chain.js";
import { writeLayer } from "./write-layer.js";
import type { LayerProgress } from "../model/layer-progress.js";

export interface CommitTreeOptions {
  readonly parent: CommitId | undefined;
  /** The parent's tree; of no parent, the empty tree. */
  readonly base: Tree;
  /** Gives the tree to commit; it may put contents into the writer first, as a tar's reader must. */
  readonly target: (writer: LayerWriter) => Promise<Tree>;
  /** Called when the target was read, before anything of it is kept: throws when it must not be. */
  readonly check?: (() => void) | undefined;
  readonly message: string;
  /** Further parents, of a merge. */
  readonly otherParents?: readonly CommitId[];
  /** Whose work it is when a commit is written anew; by default who commits. */
  readonly author?: Signature | undefined;
  /** Writes a commit even where the tree is the parent's: a merge that keeps all of ours. */
  readonly allowEmpty?: boolean;
  /** Layers beyond the parent's chain that may lend; by default those that branches and tags keep. */
  readonly kept?: ReadonlySet<LayerId> | undefined;
  /** Taken over from the parent when absent. */
  readonly config?: ImageConfig | undefined;
  /** Dockerfile instructions that change the config: then there is a commit even where the tree is the parent's. */
  readonly configChanges?: readonly string[] | undefined;
  readonly origin?: Origin | undefined;
  /** Of a commit that comes from an image. */
  readonly image?: ImageRecord | undefined;
  /** By default who commits, now. */
  readonly committer?: Signature | undefined;
  readonly observe?: ((progress: LayerProgress) => void) | undefined;
}

export interface WrittenCommit extends Commit {
  /** Sockets among what was added and modified. */
  readonly sockets: number;
}

/**
 * Writes a layer and a commit for a tree. No ref moves: until the caller does that, nobody sees the commit.
 *
 * @returns `undefined` when the tree is the parent's: nothing was written then. Without a parent, or with `allowEmpty`, there is always a commit.
 */
export async function commitTree(repository: Repository, options: CommitTreeOptions): Promise<WrittenCommit | undefined> {
  const { history, layers } = repository;
  const parent = options.parent === undefined ? undefined : await history.readCommit(options.parent);
  const chain: readonly LayerId[] = parent === undefined ? [] : await layerChain(history, parent.id);
  const before = options.config ?? parent?.config;
  const config = changeImageConfig(before, options.configChanges ?? []);
  const writer = layers.write(chain, options.kept ?? (await keptLayers(history, parent?.id)));
  try {
    const target = await options.target(writer);
    const { sockets, ...summary } = await writeLayer(writer, options.base, target, options.observe);
    options.check?.();
    const isChanged = summary.tree !== parent?.tree || JSON.stringify(config) !== JSON.stringify(before);
    if (!isChanged && options.allowEmpty !== true) return undefined;
    const { id: layer, storedBytes } = writer.publish();
    // The empty tree has a root directory too, which the first commit only seems to modify.
    const counted = parent === undefined ? { ...summary, modified: 0 } : summary;
    const id = await history.writeCommit({
      ...counted,
      layer,
      storedBytes,
      parents: [...(parent === undefined ? [] : [parent.id]), ...(options.otherParents ?? [])],
      author: options.author ?? (await history.author()),
      message: options.message,
      config,
      origin: options.origin,
      image: options.image,
      committer: options.committer,
    });
    return { ...(await history.readCommit(id)), sockets };
  } finally {
    writer.abort();
  }
}
