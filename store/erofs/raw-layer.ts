import type { ByteString } from "../../core/model/byte-string.js";
import type { DirectoryNode, TreeNode } from "../../core/model/tree.js";
import { ImageDirectory } from "./image-directory.js";
import { DIRENT_DIRECTORY } from "./image-format.js";
import { directoryEntryOf } from "./image-nodes.js";
import type { LayerImage } from "./layer-image.js";

/** What one layer of a chain has under a name. `deleted`: nothing of the layers below shows there. */
export type RawNode = RawDirectory | Exclude<TreeNode, DirectoryNode> | "deleted";

/** A directory of one layer, as that has it, and not as the chain shows it: with deletions, and without what stands below. */
export class RawDirectory {
  readonly entry: DirectoryNode["entry"];
  /** Nothing of the layers below shows in it. */
  readonly opaque: boolean;
  readonly #directory: ImageDirectory;
  readonly #shown: DirectoryNode;

  /** @param shown The same directory in the tree of the layer and those below it: contents may stand in them. */
  constructor(image: LayerImage, nid: number, parent: number, shown: DirectoryNode) {
    this.#directory = new ImageDirectory(image, nid, parent);
    this.#shown = shown;
    const { inode } = this.#directory;
    this.entry = directoryEntryOf(image, inode);
    this.opaque = image.xattrs(inode).opaque;
  }

  /** In byte order. */
  *children(): Generator<readonly [name: ByteString, node: RawNode]> {
    const { image, inode } = this.#directory;
    for (const { name, nid, type } of this.#directory.entries()) {
      const node = this.#shown.child(name);
      if (node === undefined) yield [name, "deleted"];
      else if (!("children" in node)) yield [name, node];
      else if (type === DIRENT_DIRECTORY) yield [name, new RawDirectory(image, nid, inode.nid, node)];
    }
  }
}

/** The root of a layer. @param shown That of the tree of the layer and those below it. */
export function rawRoot(image: LayerImage, shown: DirectoryNode): RawDirectory {
  return new RawDirectory(image, image.rootNid, image.rootNid, shown);
}
