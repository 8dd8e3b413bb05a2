import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { DirectoryEntry, Entry, FileEntry } from "../../core/model/entry.js";
import type { DirectoryDigest } from "../../core/model/ids.js";
import type { DirectoryNode, FileContent, FileNode, LinkGroup, OtherNode, Tree, TreeNode } from "../../core/model/tree.js";
import { LinkGroups } from "./link-groups.js";
import { LiveContent } from "./live-content.js";
import { type LiveDirectory, openLiveDirectoryInTurns, readEntry, typeOfRow } from "./live-directory.js";
import { type OverlayIndex, readOverlayIndex } from "./overlay-index.js";
import { type OverlayPrefix, shownXattrs, upperDamaged } from "./overlay-marks.js";
import type { Representation } from "./representation.js";
import { GONE, WORD } from "./stat-table.js";
import { type LinkOverride, type OriginLookup, UpperLinks } from "./upper-links.js";
import { type BaseDirectory, UpperPlacement } from "./upper-placement.js";

export interface UpperTreeSource {
  readonly upper: string;
  /** overlayfs's work directory, whose `index` holds copied-up hardlinks. */
  readonly work: string;
  /** What the lower layers add up to. Closed by the caller, after the tree. */
  readonly base: Tree;
  /** Where in the base a file handle of `index` leads: needed where the lower is no layer image, whose groups' keys tell. */
  readonly origin?: OriginLookup;
  /** By default `trusted.overlay.`. */
  readonly prefix?: OverlayPrefix;
  /** What files there can't be is as it was in the base. */
  readonly representation?: Representation | undefined;
}

/**
 * What an overlay mount shows, read from its upper directory without the mount: whiteouts, opaque directories, metacopy,
 * redirects and the hardlink index resolved. What the upper does not touch is the base's own nodes.
 *
 * Nothing may write to the overlay meanwhile.
 *
 * @throws VarveError STORE_DAMAGED when upper and base don't belong together; SOURCE_UNREADABLE, SOURCE_CHANGED, INTERRUPTED.
 */
export async function openUpperTree(source: UpperTreeSource): Promise<Tree> {
  const { upper, work, base, origin, prefix = "trusted.overlay.", representation } = source;
  const live = await openLiveDirectoryInTurns(upper, { whiteouts: true }, shownXattrs(prefix));
  let index: OverlayIndex | undefined;
  const close = (): void => {
    index?.directory?.close();
    live.close();
  };
  try {
    index = readOverlayIndex(work, prefix);
    const merged = { ...mergeOverBase(live, index, base, prefix, origin), representation };
    return { root: new MergedDirectory(merged, 0, "" as ByteString), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** All that the nodes of one merged tree share. */
interface Merged {
  readonly upper: LiveDirectory;
  readonly index: OverlayIndex;
  readonly base: Tree;
  readonly placement: UpperPlacement;
  readonly links: UpperLinks;
  readonly representation: Representation | undefined;
}

function mergeOverBase(
  upper: LiveDirectory,
  index: OverlayIndex,
  base: Tree,
  prefix: OverlayPrefix,
  lookup: OriginLookup | undefined,
): Omit<Merged, "representation"> {
  const placement = new UpperPlacement(upper, base, prefix);
  const groups = new LinkGroups(upper.table, "upper ");
  const source = { inodes: index.inodes, base, lookup };
  const links = new UpperLinks(placement, groups, (row) => upper.table.path(row), source);
  return { upper, index, base, placement, links };
}

/** The node of an upper row that is no whiteout. */
function nodeOfRow(merged: Merged, row: number, path: ByteString): TreeNode {
  const type = typeOfRow(merged.upper.table, row);
  if (type === "directory") return new MergedDirectory(merged, row, path);
  const links = merged.links.ofRow(row, merged.upper.table.inodeKey(row));
  const entry = entryOf(merged, row, () => merged.placement.origin(row)?.node);
  if (type !== "file") return { entry, links } as OtherNode;
  if (!merged.placement.marks(row).metacopy)
    return { entry: entry as FileEntry, links, content: new LiveContent(merged.upper, row, merged.upper.looks(row)) };
  const content = contentOf(merged.placement.origin(row)?.node);
  if (content === undefined) throw upperDamaged(path, "its content stands in no file of the base");
  return metacopy(entry as FileEntry, content, links);
}

function entryOf(merged: Merged, row: number, former: () => TreeNode | undefined): Entry {
  const entry = readEntry(merged.upper, row);
  const before = merged.representation === undefined ? undefined : former()?.entry;
  return before?.type === entry.type ? merged.representation!.restored(entry, before) : entry;
}

function metacopy(entry: FileEntry, content: FileContent, links: LinkGroup | undefined): FileNode {
  return { entry: { ...entry, size: content.size }, content, links };
}

function contentOf(node: TreeNode | undefined): FileContent | undefined {
  return node !== undefined && "content" in node ? node.content : undefined;
}

/** A base node at a place where the upper has no entry. */
function nodeOfBase(merged: Merged, node: TreeNode, path: ByteString): TreeNode {
  if ("children" in node) return merged.links.touched.has(path) ? new TouchedDirectory(merged, node, path) : node;
  const override = merged.links.overrides.get(path);
  return override === undefined ? node : overriddenNode(merged, node, override);
}

function overriddenNode(merged: Merged, node: FileNode | OtherNode, { links, indexed }: LinkOverride): TreeNode {
  if (indexed === undefined) {
    return "content" in node ? { entry: node.entry, content: node.content, links } : { entry: node.entry, links };
  }
  const directory = merged.index.directory!;
  const entry = readEntry(directory, indexed.row);
  if (entry.type !== "file") return { entry, links } as OtherNode;
  const content = contentOf(node);
  if (indexed.metacopy && content !== undefined) return metacopy(entry, content, links);
  return { entry, content: new LiveContent(directory, indexed.row, directory.looks(indexed.row)), links };
}

/** A directory that the upper holds, merged with what it shows of the base. */
class MergedDirectory implements DirectoryNode {
  readonly #merged: Merged;
  readonly #row: number;
  readonly #path: ByteString;
  #entry: DirectoryEntry | undefined;

  constructor(merged: Merged, row: number, path: ByteString) {
    this.#merged = merged;
    this.#row = row;
    this.#path = path;
  }

  get entry(): DirectoryEntry {
    return (this.#entry ??= entryOf(this.#merged, this.#row, () => this.#base?.node) as DirectoryEntry);
  }

  get #base(): BaseDirectory | undefined {
    return this.#merged.placement.baseOf(this.#row);
  }

  /** The base's own, where only the directory's metadata was copied up. */
  get digest(): DirectoryDigest | undefined {
    const { upper, links } = this.#merged;
    if (upper.table.word(this.#row, WORD.childCount) > 0 || links.touched.has(this.#path)) return undefined;
    return this.#path === "" && links.overrides.size > 0 ? undefined : this.#base?.node.digest;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    const { table } = this.#merged.upper;
    let row = table.word(this.#row, WORD.firstChild);
    const end = row + table.word(this.#row, WORD.childCount);
    for (const [name, node] of this.#base?.node.children() ?? []) {
      for (; row < end && table.names[row]! < name; row++) yield* this.#upperChild(row);
      if (row < end && table.names[row] === name) yield* this.#upperChild(row++);
      else yield [name, nodeOfBase(this.#merged, node, joinPath(this.#path, name))];
    }
    for (; row < end; row++) yield* this.#upperChild(row);
  }

  *#upperChild(row: number): Iterable<readonly [ByteString, TreeNode]> {
    const { upper, placement } = this.#merged;
    if (upper.table.hasFlag(row, GONE) || placement.marks(row).whiteout) return;
    const name = upper.table.names[row]!;
    yield [name, nodeOfRow(this.#merged, row, joinPath(this.#path, name))];
  }

  child(name: ByteString): TreeNode | undefined {
    const { upper, placement } = this.#merged;
    const path = joinPath(this.#path, name);
    const row = upper.table.find(this.#row, name);
    if (row !== undefined) return placement.marks(row).whiteout ? undefined : nodeOfRow(this.#merged, row, path);
    const node = this.#base?.node.child(name);
    return node && nodeOfBase(this.#merged, node, path);
  }
}

/** A directory of the base, below which the upper changed what names share an inode. */
class TouchedDirectory implements DirectoryNode {
  readonly #merged: Merged;
  readonly #node: DirectoryNode;
  readonly #path: ByteString;
  readonly digest = undefined;

  constructor(merged: Merged, node: DirectoryNode, path: ByteString) {
    this.#merged = merged;
    this.#node = node;
    this.#path = path;
  }

  get entry(): DirectoryEntry {
    return this.#node.entry;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const [name, node] of this.#node.children()) {
      yield [name, nodeOfBase(this.#merged, node, joinPath(this.#path, name))];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    const node = this.#node.child(name);
    return node && nodeOfBase(this.#merged, node, joinPath(this.#path, name));
  }
}
