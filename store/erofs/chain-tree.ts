import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import { EMPTY_ROOT, type DirectoryEntry } from "../../core/model/entry.js";
import type { DirectoryDigest, LayerId } from "../../core/model/ids.js";
import { nodeAt } from "../../core/model/paths.js";
import { DirectoryDigester } from "../../core/model/tree-digest.js";
import type { DirectoryNode, Tree, TreeNode } from "../../core/model/tree.js";
import { ImageDirectory, type Dirent } from "./image-directory.js";
import { DIRENT_DIRECTORY } from "./image-format.js";
import { directoryEntryOf, ImageFileNode, leafNode, type PlaceInChain } from "./image-nodes.js";
import type { LayerImage } from "./layer-image.js";
import type { LayerImages } from "./layer-images.js";

const LEVELS_REMEMBERED = 64;

/** What a chain of layer images adds up to. */
export class ChainTree implements Tree {
  readonly root: DirectoryNode;
  readonly #images: LayerImages;

  /** @param images Closed with the tree. @param chain Newest first. */
  constructor(images: LayerImages, chain: readonly LayerId[]) {
    this.#images = images;
    try {
      this.root = chain.length === 0 ? emptyRoot() : rootOf(chain.map((id) => images.get(id)));
    } catch (error) {
      images.close();
      throw error;
    }
  }

  close(): void {
    this.#images.close();
  }
}

/** @param images Newest first; one or more. */
function rootOf(images: readonly LayerImage[]): DirectoryNode {
  const layers = new ChainLayers(images);
  const root = layers.rootBelow(-1);
  if (root === undefined) throw new TypeError("rootOf() of no images");
  return root;
}

/** The layers of a chain, newest first, and what those below one of them show. */
class ChainLayers {
  readonly #images: readonly LayerImage[];
  /** By level: the directory in which a file was looked for last. Moved files are asked for in walk order mostly. */
  readonly #last = new Map<number, { readonly path: ByteString; readonly directory: ChainDirectory | undefined }>();

  constructor(images: readonly LayerImage[]) {
    this.#images = images;
  }

  /** @param level Index of a layer in the chain. */
  rootBelow(level: number): ChainDirectory | undefined {
    const stack = new DirectoryStack();
    for (let below = level + 1; below < this.#images.length && !stack.closed; below += 1) {
      const image = this.#images[below] as LayerImage;
      stack.add({ image, nid: image.rootNid, parent: image.rootNid, level: below });
    }
    return stack.isDirectory ? stack.directory({ layers: this, above: undefined, name: "" as ByteString }) : undefined;
  }

  fileBelow(level: number, path: ByteString): ImageFileNode | undefined {
    const slash = path.lastIndexOf("/");
    const parent = path.slice(0, Math.max(slash, 0)) as ByteString;
    let last = this.#last.get(level);
    if (last?.path !== parent) {
      const root = this.rootBelow(level);
      const found = root && nodeAt({ root, close: () => undefined }, parent);
      last = { path: parent, directory: found instanceof ChainDirectory ? found : undefined };
      if (this.#last.size >= LEVELS_REMEMBERED) this.#last.clear();
      this.#last.set(level, last);
    }
    const node = last.directory?.child(path.slice(slash + 1) as ByteString);
    return node instanceof ImageFileNode ? node : undefined;
  }
}

/** Where a directory stands in its chain's tree. */
interface DirectoryPlace {
  readonly layers: ChainLayers;
  readonly above: ChainDirectory | undefined;
  readonly name: ByteString;
}

class FilePlace implements PlaceInChain {
  readonly #directory: ChainDirectory;
  readonly #name: ByteString;
  readonly #level: number;

  constructor(directory: ChainDirectory, name: ByteString, level: number) {
    this.#directory = directory;
    this.#name = name;
    this.#level = level;
  }

  path(): ByteString {
    return joinPath(this.#directory.path(), this.#name);
  }

  fileBelow(path: ByteString | undefined): ImageFileNode | undefined {
    if (path !== undefined) return this.#directory.place.layers.fileBelow(this.#level, path);
    const node = this.#directory.childBelow(this.#level, this.#name);
    return node instanceof ImageFileNode ? node : undefined;
  }
}

function emptyRoot(): DirectoryNode {
  return { entry: EMPTY_ROOT, children: () => [], child: () => undefined, digest: new DirectoryDigester().digest() };
}

/** A directory in one layer. */
interface Part {
  readonly image: LayerImage;
  readonly nid: number;
  /** nid of the directory that names it. */
  readonly parent: number;
  /** Index of the layer in the chain. */
  readonly level: number;
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
    this.closed = isOpaque(part);
  }

  /** What the next layer has under the name. @param above The directory of the tree that holds the name. */
  addDirent(above: ChainDirectory, directory: ImageDirectory, level: number, dirent: Dirent): void {
    if (this.closed) return;
    const { image, inode } = directory;
    if (dirent.type === DIRENT_DIRECTORY) return this.add({ image, nid: dirent.nid, parent: inode.nid, level });
    if (this.#parts.length === 0) this.#leaf = leafNode(image, dirent, new FilePlace(above, dirent.name, level));
    this.closed = true;
  }

  get isDirectory(): boolean {
    return this.#parts.length > 0;
  }

  /** @returns `undefined` when the name was deleted. */
  node(above: ChainDirectory, name: ByteString): TreeNode | undefined {
    return this.isDirectory ? this.directory({ layers: above.place.layers, above, name }) : this.#leaf;
  }

  /** Only where the newest layer has a directory. */
  directory(place: DirectoryPlace): ChainDirectory {
    return new ChainDirectory(this.#parts, place);
  }
}

function isOpaque({ image, nid }: Part): boolean {
  return image.xattrs(image.inode(nid)).opaque;
}

/** A directory that one layer holds, or several. */
class ChainDirectory implements DirectoryNode {
  readonly #parts: readonly Part[];
  /** Those of `#parts` that were opened, at the same index. */
  readonly #opened: ImageDirectory[] = [];
  readonly place: DirectoryPlace;
  #entry: DirectoryEntry | undefined;

  /** @param parts Newest first; one or more. */
  constructor(parts: readonly Part[], place: DirectoryPlace) {
    this.#parts = parts;
    this.place = place;
  }

  path(): ByteString {
    const names: ByteString[] = [];
    for (let { name, above } = this.place; above !== undefined; { name, above } = above.place) names.push(name);
    return names.reverse().join("/") as ByteString;
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
    return name === "." || name === ".." ? undefined : this.#lookUp(name, 0);
  }

  /** What the layers under that of a level have in this directory. */
  childBelow(level: number, name: ByteString): TreeNode | undefined {
    // Levels ascend, each at most once.
    let [low, high] = [0, this.#parts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#level(middle) <= level) low = middle + 1;
      else high = middle;
    }
    return this.#lookUp(name, low);
  }

  #lookUp(name: ByteString, from: number): TreeNode | undefined {
    const stack = new DirectoryStack();
    for (let part = from; part < this.#parts.length && !stack.closed; part += 1) {
      const directory = this.#open(part);
      const dirent = directory.lookup(name);
      if (dirent !== undefined) stack.addDirent(this, directory, this.#level(part), dirent);
    }
    return stack.node(this, name);
  }

  children(): Iterable<readonly [name: ByteString, node: TreeNode]> {
    return this.#parts.length === 1 ? this.#single() : this.#merged();
  }

  *#single(): Generator<readonly [ByteString, TreeNode]> {
    const directory = this.#open(0);
    const level = this.#level(0);
    const { image, inode } = directory;
    for (const dirent of directory.entries()) {
      const { name, nid } = dirent;
      if (dirent.type === DIRENT_DIRECTORY) {
        const part = { image, nid, parent: inode.nid, level };
        yield [name, new ChainDirectory([part], { layers: this.place.layers, above: this, name })];
      } else {
        const node = leafNode(image, dirent, new FilePlace(this, name, level));
        if (node !== undefined) yield [name, node];
      }
    }
  }

  /** The lowest layer, which is mostly the largest, is read along; what stands above it is collected first. */
  *#merged(): Generator<readonly [ByteString, TreeNode]> {
    const base = this.#open(this.#parts.length - 1);
    const lowest = this.#level(this.#parts.length - 1);
    const above = this.#above();
    const names = [...above.keys()].sort();
    let next = 0;
    for (const dirent of base.entries()) {
      for (; next < names.length && (names[next] as ByteString) < dirent.name; next += 1) {
        yield* this.#named(names[next] as ByteString, above.get(names[next] as ByteString));
      }
      const isShared = names[next] === dirent.name;
      const stack = (isShared ? above.get(dirent.name) : undefined) ?? new DirectoryStack();
      if (isShared) next += 1;
      stack.addDirent(this, base, lowest, dirent);
      yield* this.#named(dirent.name, stack);
    }
    for (; next < names.length; next += 1) yield* this.#named(names[next] as ByteString, above.get(names[next] as ByteString));
  }

  *#named(name: ByteString, stack: DirectoryStack | undefined): Generator<readonly [ByteString, TreeNode]> {
    const node = stack?.node(this, name);
    if (node !== undefined) yield [name, node];
  }

  /** By name: what all layers but the lowest have. */
  #above(): Map<ByteString, DirectoryStack> {
    const above = new Map<ByteString, DirectoryStack>();
    for (let part = 0; part < this.#parts.length - 1; part += 1) {
      const directory = this.#open(part);
      for (const dirent of directory.entries()) {
        let stack = above.get(dirent.name);
        if (stack === undefined) above.set(dirent.name, (stack = new DirectoryStack()));
        stack.addDirent(this, directory, this.#level(part), dirent);
      }
    }
    return above;
  }

  #top(): Part {
    return this.#parts[0] as Part;
  }

  #level(index: number): number {
    return (this.#parts[index] as Part).level;
  }

  #open(index: number): ImageDirectory {
    const { image, nid, parent } = this.#parts[index] as Part;
    return (this.#opened[index] ??= new ImageDirectory(image, nid, parent));
  }
}
