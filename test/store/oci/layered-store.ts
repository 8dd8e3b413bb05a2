import { commitTree } from "../../../core/layers/commit-tree.js";
import type { Commit, ImageConfig } from "../../../core/model/commit.js";
import type { ContentDigest } from "../../../core/model/ids.js";
import type { BlobDigest } from "../../../core/model/image.js";
import type { DirectoryNode, FileContent, Tree, TreeNode } from "../../../core/model/tree.js";
import type { LayerWriter } from "../../../core/ports/layer-store.js";
import type { ReadLayer } from "../../../core/ports/images.js";
import type { Repository } from "../../../core/ports/repository.js";
import { openCommitTree } from "../../../core/operations/targets.js";
import { repositoryAt } from "../../../cli/open-repository.js";
import type { StoreLayout } from "../../../store/store-layout.js";
import { describeTree } from "../../contracts/described-tree.js";
import { inPieces } from "../tar/import-bytes.js";

const NOBODY = { name: "nobody", email: "", seconds: 0, offsetMinutes: 0 };
const CONFIG = {} as ImageConfig;

export interface KeptLayer {
  readonly commit: Commit;
  readonly diffId: BlobDigest;
  /** What `keepTar` gave. */
  readonly isWhole: boolean;
}

/** Commits of image layers in a real store, each read on top of the one before. */
export class LayeredStore {
  readonly repository: Repository;

  private constructor(repository: Repository) {
    this.repository = repository;
  }

  static async at(layout: StoreLayout): Promise<LayeredStore> {
    return new LayeredStore(await repositoryAt(layout));
  }

  async read(parent: Commit | undefined, layer: Buffer, step?: number): Promise<Commit> {
    return (await this.keep(parent, layer, step)).commit;
  }

  /** @param step Bytes that the layer comes in at a time. */
  async keep(parent: Commit | undefined, layer: Buffer, step?: number): Promise<KeptLayer> {
    const { images } = this.repository;
    const base = await openCommitTree(this.repository, parent?.id);
    let read: ReadLayer | undefined;
    try {
      const target = async (writer: LayerWriter): Promise<Tree> => {
        read = await images.readLayer(inPieces(layer, step), writer, base, "the layer");
        return read.tree;
      };
      const who = { author: NOBODY, committer: NOBODY };
      const options = { parent: parent?.id, base, target, message: "m", ...who, allowEmpty: true, config: CONFIG };
      const commit = (await commitTree(this.repository, options))!;
      return { commit, diffId: read!.diffId, isWhole: read!.keepTar() };
    } finally {
      read?.discard();
      base.close();
    }
  }

  /** The layer's tar, from the commit's contents. */
  async tar({ commit, diffId }: KeptLayer): Promise<Buffer> {
    const tree = await openCommitTree(this.repository, commit.id);
    try {
      const contents = contentsOf(tree.root);
      const pieces: Uint8Array[] = [];
      for await (const piece of this.repository.blobs.tar(diffId, (digest) => contents.get(digest))) pieces.push(piece);
      return Buffer.concat(pieces);
    } finally {
      tree.close();
    }
  }

  async describe(commit: Commit): Promise<Record<string, unknown>[]> {
    const tree = await openCommitTree(this.repository, commit.id);
    try {
      return describeTree(tree);
    } finally {
      tree.close();
    }
  }
}

function contentsOf(root: DirectoryNode): ReadonlyMap<ContentDigest, FileContent> {
  const found = new Map<ContentDigest, FileContent>();
  const visit = (node: TreeNode): void => {
    if ("content" in node) found.set(node.content.digest(), node.content);
    else if ("children" in node) for (const [, child] of node.children()) visit(child);
  };
  visit(root);
  return found;
}
