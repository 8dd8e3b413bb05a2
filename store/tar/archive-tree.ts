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
import { isDirectory, shownBelow, type IndexedDirectory, type IndexedFile, type IndexedNode } from "./archive-index.js";

/** Where an archive's contents can be read again. */
export interface ArchiveContents {
  open(stored: StoredContent): ContentReader;
  extents(stored: StoredContent): Iterable<Extent>;
  close(): void;
}

/** Its contents stand in the layer that was written while it was read: `stored` tells where, `open` can't read them before that is published. */
const IN_A_LAYER: ArchiveContents = {
  open: () => {
    throw new VarveError("BUG", `Cannot read content of an archive's tree: it stands in a layer that is not published yet`);
  },
  /** Where the holes are, the layer knows: told here as data. */
  *extents({ size }) {
    if (size > 0) yield { offset: 0, length: size, kind: "data" };
  },
  close: () => undefined,
};

/**
 * An indexed archive as a tree. Hardlink groups whose other names were replaced are single files.
 * @param contents By default in the layer that was written.
 */
export function archiveTree(root: IndexedDirectory, contents: ArchiveContents = IN_A_LAYER): Tree {
  return { root: new ArchiveDirectory(root, contents), close: () => contents.close() };
}

class ArchiveDirectory implements DirectoryNode {
  readonly #directory: IndexedDirectory;
  readonly #contents: ArchiveContents;

  constructor(directory: IndexedDirectory, contents: ArchiveContents) {
    this.#directory = directory;
    this.#contents = contents;
  }

  get entry(): DirectoryEntry {
    return this.#directory.entry;
  }

  /** Of a directory that the archive did not touch. */
  get digest(): DirectoryDigest | undefined {
    const { below, gone, children } = this.#directory;
    return gone === undefined && children.size === 0 ? below?.digest : undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    const { children, below, gone } = this.#directory;
    const own = children.entries();
    let next = own.next();
    for (const [name, node] of gone === "all" ? [] : (below?.children() ?? [])) {
      for (; next.done !== true && next.value[0] < name; next = own.next()) yield this.#own(next.value);
      if (next.done !== true && next.value[0] === name) {
        yield this.#own(next.value);
        next = own.next();
      } else if (shownBelow(this.#directory, name)) yield [name, node];
    }
    for (; next.done !== true; next = own.next()) yield this.#own(next.value);
  }

  #own([name, node]: readonly [ByteString, IndexedNode]): readonly [ByteString, TreeNode] {
    return [name, treeNode(node, this.#contents)];
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#directory.children.get(name);
    if (node !== undefined) return treeNode(node, this.#contents);
    return shownBelow(this.#directory, name) ? this.#directory.below?.child(name) : undefined;
  }
}

function treeNode(node: IndexedNode, contents: ArchiveContents): TreeNode {
  if (isDirectory(node)) return new ArchiveDirectory(node, contents);
  const links = linkGroup(node.links);
  if ("stored" in node) {
    return node.content === undefined
      ? new ArchiveFile(node, links, contents)
      : { entry: node.entry, content: node.content, links };
  }
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
  readonly #contents: ArchiveContents;

  constructor({ entry, stored }: IndexedFile, links: LinkGroup | undefined, contents: ArchiveContents) {
    this.#contents = contents;
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

  extents(): Iterable<Extent> {
    return this.#contents.extents(this.stored);
  }

  open(): ContentReader {
    return this.#contents.open(this.stored);
  }
}
