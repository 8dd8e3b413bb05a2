import { commitTree } from "../../../core/layers/commit-tree.js";
import type { Commit, ImageConfig } from "../../../core/model/commit.js";
import type { Tree } from "../../../core/model/tree.js";
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

/** Commits of image layers in a real store, each read on top of the one before. */
export class LayeredStore {
  readonly repository: Repository;

  private constructor(repository: Repository) {
    this.repository = repository;
  }

  static async at(layout: StoreLayout): Promise<LayeredStore> {
    return new LayeredStore(await repositoryAt(layout));
  }

  /** @param step Bytes that the layer comes in at a time. */
  async read(parent: Commit | undefined, layer: Buffer, step?: number): Promise<Commit> {
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
      return (await commitTree(this.repository, options))!;
    } finally {
      read?.discard();
      base.close();
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
