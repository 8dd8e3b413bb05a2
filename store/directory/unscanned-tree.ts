import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { DirectoryEntry, Entry, FileEntry, Metadata } from "../../core/model/entry.js";
import type { ContentDigest } from "../../core/model/ids.js";
import type {
  ContentReader,
  DirectoryNode,
  Extent,
  FileContent,
  LinkGroup,
  OtherNode,
  Tree,
  TreeNode,
} from "../../core/model/tree.js";
import { atOnce, type Turns } from "../../core/turns.js";
import { hasCode } from "../../linux/errno.js";
import { fileExtents } from "../../linux/file-holes.js";
import { readLink } from "../../linux/make-node.js";
import { closeDescriptor, OPEN_FILE, openAt } from "../../linux/open-at.js";
import { readDirectory } from "../../linux/read-directory.js";
import { type FileStat, S_IFDIR, S_IFREG, statAt, statDescriptor } from "../../linux/stat.js";
import { hardlinksBelow } from "./hardlinks.js";
import { readFully } from "./read-fully.js";
import type { DirectoryOpener } from "./directory-opener.js";
import { hashInTurns } from "./live-content.js";
import { openDirectoryRoot, TYPES } from "./live-directory.js";
import { readXattrs } from "./live-xattrs.js";
import { sourceChanged, sourceFailure, sourceTooShort } from "./source-failure.js";

/**
 * A live directory of which nothing is looked at before it is asked for: for a few paths of a large one, such as a machine's root. Mount
 * points are crossed, and hardlinks told as files of one name each. The same path gives the same directory node, so that comparisons of trees
 * which share them pass them over.
 *
 * @throws VarveError SOURCE_MISSING, WRONG_TYPE, SOURCE_UNREADABLE; while reading also SOURCE_CHANGED.
 */
export function openUnscannedTree(directory: string): Tree {
  return unscannedTree(openDirectoryRoot(directory));
}

/**
 * The same with hardlinks told: where a file has another name, too, the whole directory is searched once, to find it. The same path gives the same
 * node, whatever it is, so that what changes meanwhile is not taken for a difference of two trees that share it.
 */
export function openLinkedTree(directory: string): Tree {
  const opener = openDirectoryRoot(directory);
  let links: ReadonlyMap<ByteString, LinkGroup> | undefined;
  const places = new SeenPlaces(opener, (path) => (links ??= hardlinksBelow(opener)).get(path));
  return { root: places.root(), close: () => opener.close() };
}

/**
 * The same of a directory that is open.
 *
 * @param opener Closed with the tree.
 * @param links Tells the hardlinks of a path, asked of inodes with more names than one.
 * @param isWritten Whether processes may go on to write there: of a file that grows, what it held when it was seen is read.
 */
export function unscannedTree(
  opener: DirectoryOpener,
  links: (path: ByteString) => LinkGroup | undefined = () => undefined,
  isWritten = false,
): Tree {
  const places = new Places(opener, links, isWritten);
  return { root: places.root(), close: () => opener.close() };
}

class Places {
  readonly opener: DirectoryOpener;
  readonly #links: (path: ByteString) => LinkGroup | undefined;
  readonly #isWritten: boolean;
  readonly #directories = new Map<ByteString, DirectoryNode>();

  constructor(opener: DirectoryOpener, links: (path: ByteString) => LinkGroup | undefined, isWritten = false) {
    this.opener = opener;
    this.#links = links;
    this.#isWritten = isWritten;
  }

  root(): DirectoryNode {
    return this.#directory("" as ByteString, () => entryAt(this.opener.root, "") as DirectoryEntry);
  }

  /** @returns `undefined` when nothing is there (any more). */
  node(directory: ByteString, name: ByteString): TreeNode | undefined {
    const path = joinPath(directory, name);
    try {
      const parent = this.opener.open(directory);
      const stat = statAt(parent, name);
      if (stat.type === S_IFDIR) return this.#directory(path, () => entryAt(this.opener.open(directory), name) as DirectoryEntry);
      const entry = entryAt(parent, name, stat);
      const links = stat.nlink > 1 ? this.#links(path) : undefined;
      if (stat.type !== S_IFREG) return { entry, links } as OtherNode;
      const open = (): number => openAt(this.opener.open(directory), name, OPEN_FILE);
      const place = (): ByteString => this.opener.placeOf(path);
      return { entry: entry as FileEntry, links, content: new UnscannedContent(open, stat, place, this.#isWritten) };
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw sourceFailure(error, this.opener.placeOf(path));
    }
  }

  names(path: ByteString): readonly ByteString[] {
    try {
      return readDirectory(this.opener.open(path)).names.sort() as ByteString[];
    } catch (error) {
      throw sourceFailure(error, this.opener.placeOf(path));
    }
  }

  #directory(path: ByteString, read: () => DirectoryEntry): DirectoryNode {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const made = new UnscannedDirectory(this, path, read());
    this.#directories.set(path, made);
    return made;
  }
}

class SeenPlaces extends Places {
  readonly #seen = new Map<ByteString, TreeNode | undefined>();

  override node(directory: ByteString, name: ByteString): TreeNode | undefined {
    const path = joinPath(directory, name);
    if (!this.#seen.has(path)) this.#seen.set(path, super.node(directory, name));
    return this.#seen.get(path);
  }
}

class UnscannedDirectory implements DirectoryNode {
  readonly entry: DirectoryEntry;
  readonly digest = undefined;
  readonly #places: Places;
  readonly #path: ByteString;

  constructor(places: Places, path: ByteString, entry: DirectoryEntry) {
    this.#places = places;
    this.#path = path;
    this.entry = entry;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    for (const name of this.#places.names(this.#path)) {
      const node = this.child(name);
      if (node !== undefined) yield [name, node];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    return this.#places.node(this.#path, name);
  }
}

export function entryAt(directory: number, name: string, stat: FileStat = statAt(directory, name)): Entry {
  const type = TYPES[stat.type]!;
  const metadata: Metadata = {
    mode: stat.permissions,
    uid: stat.uid,
    gid: stat.gid,
    mtimeSeconds: stat.mtimeSeconds,
    mtimeNanoseconds: stat.mtimeNanoseconds,
    xattrs: readXattrs(directory, name),
  };
  switch (type) {
    case "file":
      return { type, size: stat.size, ...metadata };
    case "symlink":
      return { type, target: readLink(directory, name) as ByteString, ...metadata };
    case "character":
    case "block":
      return { type, major: stat.rdevMajor, minor: stat.rdevMinor, ...metadata };
    default:
      return { type, ...metadata };
  }
}

/** A file's bytes, read from the file that was seen. */
export class UnscannedContent implements FileContent {
  readonly knownDigest = undefined;
  readonly stored = undefined;
  readonly size: number;
  readonly #open: () => number;
  readonly #stat: FileStat;
  readonly #placeOf: () => ByteString;
  readonly #isWritten: boolean;

  /** @param open Opens it for reading. @param placeOf Where a person finds it. @param isWritten See `unscannedTree`. */
  constructor(open: () => number, stat: FileStat, placeOf: () => ByteString, isWritten: boolean) {
    this.#open = open;
    this.#stat = stat;
    this.#placeOf = placeOf;
    this.#isWritten = isWritten;
    this.size = stat.size;
  }

  digest(): ContentDigest {
    return atOnce(this.digestInTurns());
  }

  *digestInTurns(): Turns<ContentDigest> {
    const reader = this.open();
    try {
      const digest = yield* hashInTurns(reader, this.size);
      reader.verify();
      return digest;
    } finally {
      reader.close();
    }
  }

  *extents(): Iterable<Extent> {
    if (this.size === 0) return;
    const descriptor = this.#openFile();
    try {
      yield* fileExtents(descriptor, this.size);
    } catch (error) {
      throw sourceFailure(error, this.#place);
    } finally {
      closeDescriptor(descriptor);
    }
  }

  open(): ContentReader {
    const descriptor = this.#openFile();
    let isOpen = true;
    return {
      read: (buffer, position) => this.#read(descriptor, buffer, position),
      verify: () => this.#verify(descriptor),
      close: () => {
        if (isOpen) closeDescriptor(descriptor);
        isOpen = false;
      },
    };
  }

  get #place(): ByteString {
    return this.#placeOf();
  }

  #openFile(): number {
    let descriptor: number;
    try {
      descriptor = this.#open();
    } catch (error) {
      throw sourceFailure(error, this.#place);
    }
    try {
      this.#verify(descriptor);
      return descriptor;
    } catch (error) {
      closeDescriptor(descriptor);
      throw error;
    }
  }

  #read(descriptor: number, buffer: Uint8Array, position: number): number {
    let count: number;
    try {
      count = readFully(descriptor, buffer, position);
    } catch (error) {
      throw sourceFailure(error, this.#place);
    }
    if (count < buffer.length && position + count < this.size) throw sourceTooShort(this.#place, this.size);
    return count;
  }

  #verify(descriptor: number): void {
    const now = statDescriptor(descriptor);
    const same = (this.#isWritten ? IDENTITY : STATE).every((key) => now[key] === this.#stat[key]);
    if (!same) throw sourceChanged(this.#place);
  }
}

const IDENTITY = ["inodeKey"] as const;
const STATE = [...IDENTITY, "size", "mtimeSeconds", "mtimeNanoseconds", "ctimeSeconds", "ctimeNanoseconds"] as const;
