import type { ByteString } from "../../core/model/byte-string.js";
import { NO_XATTRS, type DirectoryEntry } from "../../core/model/entry.js";
import type { DirectoryDigest, LayerId } from "../../core/model/ids.js";
import type { DirectoryNode, Tree, TreeNode } from "../../core/model/tree.js";
import { ImageDirectory, type Dirent } from "./image-directory.js";
import { DIRENT_DIRECTORY } from "./image-format.js";
import { directoryEntryOf, leafNode } from "./image-nodes.js";
import type { LayerImage } from "./layer-image.js";
import type { LayerImages } from "./layer-images.js";

const EMPTY_ROOT: DirectoryEntry = {
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: NO_XATTRS,
};

/** What a chain of layer images adds up to. */
export class ChainTree implements Tree {
  readonly root: DirectoryNode;
  readonly #images: LayerImages;

  /** @param images Closed with the tree. @param chain Newest first. */
  constructor(images: LayerImages, chain: readonly LayerId[]) {
    this.#images = images;
    try {
      const roots = new DirectoryStack();
      for (const id of chain) roots.add(rootOf(images.get(id)));
      this.root = chain.length === 0 ? emptyRoot() : roots.directory();
    } catch (error) {
      images.close();
      throw error;
    }
  }

  close(): void {
    this.#images.close();
  }
}

function rootOf(image: LayerImage): Part {
  return { image, nid: image.rootNid, parent: image.rootNid };
}

function emptyRoot(): DirectoryNode {
  return { entry: EMPTY_ROOT, children: () => [], child: () => undefined, digest: undefined };
}

/** A directory in one layer. */
interface Part {
  readonly image: LayerImage;
  readonly nid: number;
  /** nid of the directory that names it. */
  readonly parent: number;
}

/** What the layers have under one name, from the newest down, until one of them hides what is below. */
class DirectoryStack {
  readonly #parts: Part[] = [];
  #leaf: TreeNode | undefined;
  /** Whether the layers further down matter no more. */
  closed = false;

  /** The next layer's directory. */
  add(part: Part): void {
    if (this.closed) return;
    this.#parts.push(part);
    const inode = part.image.inode(part.nid);
    this.closed = part.image.xattrs(inode).opaque;
  }

  /** What the next layer has under the name. */
  addDirent(directory: ImageDirectory, dirent: Dirent): void {
    if (this.closed) return;
    const { image, inode } = directory;
    if (dirent.type === DIRENT_DIRECTORY) return this.add({ image, nid: dirent.nid, parent: inode.nid });
    if (this.#parts.length === 0) this.#leaf = leafNode(image, dirent);
    this.closed = true;
  }

  /** @returns `undefined` when the name was deleted. */
  node(): TreeNode | undefined {
    return this.#parts.length > 0 ? this.directory() : this.#leaf;
  }

  /** Only where the newest layer has a directory. */
  directory(): DirectoryNode {
    return new ChainDirectory(this.#parts);
  }
}

/** A directory that one layer holds, or several. */
class ChainDirectory implements DirectoryNode {
  readonly #parts: readonly Part[];
  /** Those of `#parts` that were opened, at the same index. */
  readonly #opened: ImageDirectory[] = [];
  #entry: DirectoryEntry | undefined;

  /** @param parts Newest first; one or more. */
  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  get entry(): DirectoryEntry {
    const { image, nid } = this.#top();
    return (this.#entry ??= directoryEntryOf(image, image.inode(nid)));
  }

  /** The newest layer's: whoever changes something below a directory writes the directory too. */
  get digest(): DirectoryDigest | undefined {
    const { image, nid } = this.#top();
    const { digestRow } = image.inode(nid);
    return digestRow === 0 ? undefined : (image.digest(digestRow) as DirectoryDigest);
  }

  child(name: ByteString): TreeNode | undefined {
    if (name === "." || name === "..") return undefined;
    const stack = new DirectoryStack();
    for (let part = 0; part < this.#parts.length && !stack.closed; part += 1) {
      const directory = this.#open(part);
      const dirent = directory.lookup(name);
      if (dirent !== undefined) stack.addDirent(directory, dirent);
    }
    return stack.node();
  }

  children(): Iterable<readonly [name: ByteString, node: TreeNode]> {
    return this.#parts.length === 1 ? childrenOf(this.#open(0)) : this.#merged();
  }

  /** The lowest layer, which is mostly the largest, is read along; what stands above it is collected first. */
  *#merged(): Generator<readonly [ByteString, TreeNode]> {
    const base = this.#open(this.#parts.length - 1);
    const above = this.#above();
    const names = [...above.keys()].sort();
    let next = 0;
    for (const dirent of base.entries()) {
      for (; next < names.length && (names[next] as ByteString) < dirent.name; next += 1) {
        yield* named(names[next] as ByteString, above.get(names[next] as ByteString));
      }
      const isShared = names[next] === dirent.name;
      const stack = (isShared ? above.get(dirent.name) : undefined) ?? new DirectoryStack();
      if (isShared) next += 1;
      stack.addDirent(base, dirent);
      yield* named(dirent.name, stack);
    }
    for (; next < names.length; next += 1) yield* named(names[next] as ByteString, above.get(names[next] as ByteString));
  }

  /** By name: what all layers but the lowest have. */
  #above(): Map<ByteString, DirectoryStack> {
    const above = new Map<ByteString, DirectoryStack>();
    for (let part = 0; part < this.#parts.length - 1; part += 1) {
      const directory = this.#open(part);
      for (const dirent of directory.entries()) {
        let stack = above.get(dirent.name);
        if (stack === undefined) above.set(dirent.name, (stack = new DirectoryStack()));
        stack.addDirent(directory, dirent);
      }
    }
    return above;
  }

  #top(): Part {
    return this.#parts[0] as Part;
  }

  #open(index: number): ImageDirectory {
    const { image, nid, parent } = this.#parts[index] as Part;
    return (this.#opened[index] ??= new ImageDirectory(image, nid, parent));
  }
}

function* childrenOf(directory: ImageDirectory): Generator<readonly [ByteString, TreeNode]> {
  const { image, inode } = directory;
  for (const dirent of directory.entries()) {
    const node =
      dirent.type === DIRENT_DIRECTORY
        ? new ChainDirectory([{ image, nid: dirent.nid, parent: inode.nid }])
        : leafNode(image, dirent);
    if (node !== undefined) yield [dirent.name, node];
  }
}

function* named(name: ByteString, stack: DirectoryStack | undefined): Generator<readonly [ByteString, TreeNode]> {
  const node = stack?.node();
  if (node !== undefined) yield [name, node];
}
