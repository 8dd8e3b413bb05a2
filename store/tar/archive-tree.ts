import type { ByteString } from "../../core/model/byte-string.js";
import { VarveError } from "../../core/errors.js";
import type { DirectoryEntry, FileEntry } from "../../core/model/entry.js";
import type { ContentDigest, DirectoryDigest } from "../../core/model/ids.js";
import type {
  ContentReader,
  DirectoryNode,
  Extent,
  FileContent,
  FileNode,
  LinkGroup,
  OtherNode,
  StoredContent,
  Tree,
  TreeNode,
} from "../../core/model/tree.js";
import { isDirectory, type IndexedDirectory, type IndexedFile, type IndexedNode } from "./archive-index.js";

/**
 * An indexed archive as a tree. Its contents stand in the layer that was written while it was read: `stored` tells where,
 * `open` can't read them before that layer is published. Hardlink groups whose other names were replaced are single files.
 */
export function archiveTree(root: IndexedDirectory): Tree {
  return { root: new ArchiveDirectory(root), close: () => undefined };
}

class ArchiveDirectory implements DirectoryNode {
  readonly digest: DirectoryDigest | undefined = undefined;
  readonly #directory: IndexedDirectory;

  constructor(directory: IndexedDirectory) {
    this.#directory = directory;
  }

  get entry(): DirectoryEntry {
    return this.#directory.entry;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, node] of this.#directory.children) yield [name, treeNode(node)];
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#directory.children.get(name);
    return node === undefined ? undefined : treeNode(node);
  }
}

function treeNode(node: IndexedNode): TreeNode {
  if (isDirectory(node)) return new ArchiveDirectory(node);
  const links = linkGroup(node.links);
  if ("stored" in node) return new ArchiveFile(node, links);
  const other: OtherNode = { entry: node.entry, links };
  return other;
}

function linkGroup(paths: readonly ByteString[] | undefined): LinkGroup | undefined {
  if (paths === undefined || paths.length < 2) return undefined;
  return { key: paths[0] ?? "", paths: () => paths };
}

class ArchiveFile implements FileNode, FileContent {
  readonly entry: FileEntry;
  readonly stored: StoredContent;
  readonly links: LinkGroup | undefined;

  constructor({ entry, stored }: IndexedFile, links: LinkGroup | undefined) {
    this.entry = entry;
    this.stored = stored;
    this.links = links;
  }

  get content(): FileContent {
    return this;
  }

  get size(): number {
    return this.stored.size;
  }

  get knownDigest(): ContentDigest {
    return this.stored.digest;
  }

  digest(): ContentDigest {
    return this.stored.digest;
  }

  /** Where the holes are, the layer knows: told here as data. */
  *extents(): Iterable<Extent> {
    if (this.size > 0) yield { offset: 0, length: this.size, kind: "data" };
  }

  open(): ContentReader {
    throw new VarveError("BUG", `Cannot read content of an archive's tree: it stands in a layer that is not published yet`);
  }
}
