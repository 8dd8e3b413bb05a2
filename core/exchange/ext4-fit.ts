import { joinPath, textOf, type ByteString } from "../model/byte-string.js";
import type { Entry, Xattr } from "../model/entry.js";
import { VarveError } from "../errors.js";
import { treePathText } from "../model/paths.js";
import type { DirectoryNode, FileNode, OtherNode, Tree, TreeNode } from "../model/tree.js";
import { isTurnDue, yieldToSignals } from "../yield-to-signals.js";

/** What a form can't hold of a path. */
export interface Loss {
  /** For people, absolute. */
  readonly path: string;
  /** A sentence without its subject, the path: `its xattr … was left out`. */
  readonly what: string;
}

/** A tree as ext4 holds it, and what it takes there. */
export interface Ext4Fit {
  readonly tree: Tree;
  readonly losses: readonly Loss[];
  readonly inodes: number;
  /** Of 4096 bytes: contents, directories, xattrs, long link targets. */
  readonly blocks: number;
  readonly hasLargeXattrs: boolean;
}

const BLOCK = 4096;
/** 34 bits of seconds, of which the lowest is -2^31: 1901-12-13 to 2446-05-10. */
const FIRST_SECOND = -(2 ** 31);
const LAST_SECOND = 2 ** 34 - 2 ** 31 - 1;
/** EXT4_LINK_MAX, of fs/ext4/ext4.h. Directories may have more below them. */
const MOST_LINKS = 65_000;
/** Extents count blocks by 32 bits. */
const LARGEST_FILE = (2 ** 32 - 1) * BLOCK;
/** A block of xattrs without its head and the end mark; names stand at its front, values at its end, each rounded up to 4 bytes. */
const XATTR_ROOM = BLOCK - 32 - 4;
const XATTR_HEAD_BYTES = 16;
/** What an inode of 256 bytes has room for itself. */
const XATTR_ROOM_IN_INODE = 88;
/** A shorter link target stands in the inode. */
const SHORTEST_LINK_BLOCK = 60;
/** Extents in an inode, and in a block. */
const [EXTENTS_IN_INODE, EXTENTS_IN_BLOCK] = [4, 340];
/** An extent has at most so many blocks. */
const LONGEST_EXTENT = 32_768;
/** Blocks of a large directory are split in halves when they are full. */
const LEAST_FILLED = 0.5;

/**
 * Finds what ext4 can't hold of a tree, and how much room the rest takes.
 * @throws VarveError UNSUPPORTED for what can't be left out: a file with too many names, or too large.
 */
export async function fitExt4(tree: Tree): Promise<Ext4Fit> {
  const survey = new Survey();
  const open: Iterator<readonly [ByteString, TreeNode]>[] = [];
  const places: ByteString[] = [];
  const enter = (node: DirectoryNode, path: ByteString): void => {
    survey.directory(node, path);
    open.push(node.children()[Symbol.iterator]());
    places.push(path);
  };
  enter(tree.root, "" as ByteString);
  for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
    const next = at.next();
    if (next.done === true) {
      open.pop();
      survey.leave();
      places.pop();
      continue;
    }
    const [name, node] = next.value;
    survey.name(name);
    const path = joinPath(places.at(-1)!, name);
    if ("children" in node) enter(node, path);
    else survey.leaf(node, path);
    if (isTurnDue()) await yieldToSignals();
  }
  const { losses, inodes, blocks, hasLargeXattrs } = survey;
  return { tree: losses.length === 0 ? tree : fitted(tree, hasLargeXattrs), losses, inodes, blocks, hasLargeXattrs };
}

class Survey {
  readonly losses: Loss[] = [];
  inodes = 0;
  blocks = 0;
  hasLargeXattrs = false;
  readonly #links = new Set<string>();
  /** Bytes of names, of each directory that the walk stands in. */
  readonly #nameBytes: number[] = [];

  directory(node: DirectoryNode, path: ByteString): void {
    this.#inode(node.entry, path);
    // `.`, `..` and a checksum.
    this.#nameBytes.push(36);
  }

  name(name: ByteString): void {
    this.#nameBytes.push((this.#nameBytes.pop() ?? 0) + 8 + padded(name.length));
  }

  leave(): void {
    const bytes = this.#nameBytes.pop() ?? 0;
    this.blocks += bytes <= BLOCK ? 1 : 1 + Math.ceil(bytes / (BLOCK * LEAST_FILLED));
  }

  leaf(node: FileNode | OtherNode, path: ByteString): void {
    if (node.links !== undefined) {
      if (this.#links.has(node.links.key)) return;
      this.#links.add(node.links.key);
      requireFewNames(node.links.paths().length, path);
    }
    this.#inode(node.entry, path);
    if ("content" in node) this.#content(node, path);
    else if (node.entry.type === "symlink" && node.entry.target.length >= SHORTEST_LINK_BLOCK) this.blocks += 1;
  }

  #content({ content }: FileNode, path: ByteString): void {
    if (content.size > LARGEST_FILE) throw refused(path, `it has ${content.size} bytes, wanted ${LARGEST_FILE} at most`);
    let extents = 0;
    for (const { offset, length, kind } of content.size === 0 ? [] : content.extents()) {
      if (kind === "hole") continue;
      const blocks = Math.ceil((offset + length) / BLOCK) - Math.floor(offset / BLOCK);
      this.blocks += blocks;
      extents += Math.ceil(blocks / LONGEST_EXTENT);
    }
    if (extents > EXTENTS_IN_INODE) this.blocks += Math.ceil(extents / (EXTENTS_IN_BLOCK / 2)) + 1;
  }

  #inode(entry: Entry, path: ByteString): void {
    this.inodes += 1;
    const text = treePathText(path);
    if (clampedSeconds(entry) !== entry.mtimeSeconds) this.losses.push({ path: text, what: "its time is not from 1901 to 2446" });
    if (entry.xattrs.length === 0) return;
    const plain = placeXattrs(entry.xattrs, false);
    const { lost, outside, bytes } = plain.lost.length === 0 ? plain : placeXattrs(entry.xattrs, true);
    if (plain.lost.length > 0) this.hasLargeXattrs = true;
    for (const { name, value } of lost) {
      this.losses.push({ path: text, what: `its xattr "${textOf(name)}" of ${value.length} bytes does not fit in` });
    }
    if (bytes > XATTR_ROOM_IN_INODE) this.blocks += 1;
    this.inodes += outside.length;
    for (const { value } of outside) this.blocks += Math.ceil(value.length / BLOCK);
  }
}

interface PlacedXattrs {
  readonly kept: readonly Xattr[];
  readonly lost: readonly Xattr[];
  /** Whose values stand in inodes of their own. */
  readonly outside: readonly Xattr[];
  readonly bytes: number;
}

/** Puts them into one block, as the kernel does when they are set one after the other. */
function placeXattrs(xattrs: readonly Xattr[], isLarge: boolean): PlacedXattrs {
  const [kept, lost, outside]: [Xattr[], Xattr[], Xattr[]] = [[], [], []];
  let bytes = 0;
  for (const xattr of xattrs) {
    const head = XATTR_HEAD_BYTES + padded(xattr.name.length);
    const whole = head + padded(xattr.value.length);
    const isWhole = bytes + whole <= XATTR_ROOM;
    if (!isWhole && !(isLarge && bytes + head <= XATTR_ROOM)) {
      lost.push(xattr);
      continue;
    }
    kept.push(xattr);
    if (!isWhole) outside.push(xattr);
    bytes += isWhole ? whole : head;
  }
  return { kept, lost, outside, bytes };
}

function fitted({ root, close }: Tree, isLarge: boolean): Tree {
  return { root: fittedNode(root, isLarge) as DirectoryNode, close };
}

function fittedNode(node: TreeNode, isLarge: boolean): TreeNode {
  if ("children" in node) return new FittedDirectory(node, isLarge);
  const { links } = node;
  if ("content" in node) return { entry: fittedEntry(node.entry, isLarge), content: node.content, links };
  return { entry: fittedEntry(node.entry, isLarge), links };
}

class FittedDirectory implements DirectoryNode {
  readonly digest = undefined;
  readonly #node: DirectoryNode;
  readonly #isLarge: boolean;

  constructor(node: DirectoryNode, isLarge: boolean) {
    this.#node = node;
    this.#isLarge = isLarge;
  }

  get entry(): DirectoryNode["entry"] {
    return fittedEntry(this.#node.entry, this.#isLarge);
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, node] of this.#node.children()) yield [name, fittedNode(node, this.#isLarge)];
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#node.child(name);
    return node && fittedNode(node, this.#isLarge);
  }
}

function fittedEntry<Kind extends Entry>(entry: Kind, isLarge: boolean): Kind {
  const mtimeSeconds = clampedSeconds(entry);
  const { kept } = placeXattrs(entry.xattrs, isLarge);
  if (mtimeSeconds === entry.mtimeSeconds && kept.length === entry.xattrs.length) return entry;
  const mtimeNanoseconds = mtimeSeconds === entry.mtimeSeconds ? entry.mtimeNanoseconds : 0;
  return { ...entry, mtimeSeconds, mtimeNanoseconds, xattrs: kept };
}

function clampedSeconds({ mtimeSeconds }: Entry): number {
  return Math.min(Math.max(mtimeSeconds, FIRST_SECOND), LAST_SECOND);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}

function requireFewNames(count: number, path: ByteString): void {
  if (count > MOST_LINKS) throw refused(path, `it has ${count} names, wanted ${MOST_LINKS} at most`);
}

function refused(path: ByteString, state: string): VarveError {
  const text = treePathText(path);
  return new VarveError("UNSUPPORTED", `Cannot put "${text}" into an ext4 image: ${state}`, {
    path: text,
    hint: "An EROFS image holds it: --format erofs.",
  });
}
