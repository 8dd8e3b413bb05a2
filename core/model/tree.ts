import type { ByteString } from "./byte-string.js";
import type { DeviceEntry, DirectoryEntry, FileEntry, PipeEntry, SymlinkEntry } from "./entry.js";
import type { Turns } from "../turns.js";
import type { ContentDigest, DirectoryDigest, LayerId } from "./ids.js";

/**
 * A tree that can be read at any path: a commit (a chain of layer images), a live directory, a container, a tar already indexed.
 *
 * Reading is synchronous: a tree of 1,000,000 entries is walked without a promise an entry. Callers that walk far give the
 * event loop a turn now and then (`core/yield-to-signals.ts`). A tree is read by one process; it may be read again.
 * Failures of the system come as VarveError (SOURCE_CHANGED, SOURCE_UNREADABLE, STORE_DAMAGED, LAYER_CORRUPT, IO).
 */
export interface Tree {
  readonly root: DirectoryNode;
  /** Frees file descriptors. May be repeated. Nodes must not be used afterwards. */
  close(): void;
}

/** What went while it was looked at. */
export interface Vanishing {
  /** Whether the directory itself was removed. */
  readonly isGone: boolean;
  /** Entries that were seen, and were gone when they were read. */
  readonly gone: number;
  /** Entries that were seen. */
  readonly seen: number;
}

/** A live directory's tree, without what ignore rules leave out. */
export interface FilteredTree extends Tree {
  /** How many paths that are; what stands below an ignored directory is not counted. */
  readonly ignored: number;
  /**
   * Mount points below, which are not entered: a directory stands in the tree without what is mounted on it, anything else not at all. In byte
   * order.
   */
  readonly mounts: readonly ByteString[];
  /** Up to now. */
  vanishing(): Vanishing;
}

export type TreeNode = DirectoryNode | FileNode | OtherNode;

export interface DirectoryNode {
  readonly entry: DirectoryEntry;
  /** In byte order of name. Each call reads afresh; nodes of two calls are equal, not identical. */
  children(): Iterable<readonly [name: ByteString, node: TreeNode]>;
  /** @returns `undefined` when the directory holds no such name. */
  child(name: ByteString): TreeNode | undefined;
  /**
   * The digest over all that stands below, when the tree knows it without a walk; equal digests mean equal contents, so
   * comparisons skip. `undefined` says nothing.
   */
  readonly digest: DirectoryDigest | undefined;
}

export interface FileNode {
  readonly entry: FileEntry;
  readonly content: FileContent;
  /** Absent for a file with one name. */
  readonly links: LinkGroup | undefined;
}

export interface OtherNode {
  readonly entry: SymlinkEntry | DeviceEntry | PipeEntry;
  readonly links: LinkGroup | undefined;
}

/** The names of one inode in one tree. Two trees' groups are equal when their paths are. */
export interface LinkGroup {
  /** Equal for all nodes of the group within one opened tree. */
  readonly key: string;
  /** Two or more paths, in the order in which a walk meets them: depth first, names in byte order. */
  paths(): readonly ByteString[];
}

/** A file's bytes. */
export interface FileContent {
  readonly size: number;
  /** Reads the file when the tree does not know it. */
  digest(): ContentDigest;
  /** The same, hearing signals meanwhile. Absent where nothing is read. */
  digestInTurns?(): Turns<ContentDigest>;
  /** The digest when the tree knows it without reading the file. */
  readonly knownDigest: ContentDigest | undefined;
  /** Where a layer holds these bytes, when one does: a new layer may point at them in place of a copy. */
  readonly stored: StoredContent | undefined;
  /**
   * Where the tree that this one is compared with may hold the same bytes, for a reason that costs little to see: their digests are worth a look once
   * this one's is known. Paths of that tree, a few.
   */
  likelyAt?(): readonly ByteString[];
  /**
   * The data and holes, in order, covering 0 to `size` without gaps. A file without holes yields one piece.
   */
  extents(): Iterable<Extent>;
  /**
   * Opens it for reading at any position. The caller closes.
   * @throws VarveError SOURCE_CHANGED when the file is not what the tree saw.
   */
  open(options?: OpenOptions): ContentReader;
  /**
   * The whole file, where a thread of the tree has read and hashed it in advance: valid until the next call on the same tree. What it gives was not
   * changed when it was read. `undefined`: to be read by `open`.
   */
  readAhead?(): ReadAheadContent | undefined;
}

export interface OpenOptions {
  /** False for who never calls `verify`, so that a layer's content is not hashed in vain. */
  readonly check?: boolean;
}

export interface ReadAheadContent {
  readonly bytes: Uint8Array;
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array;
}

export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly kind: "data" | "hole";
}

export interface ContentReader {
  /** @returns Bytes read; fewer than asked only at the end of the file, where it is 0. */
  read(buffer: Uint8Array, position: number): number;
  /**
   * After the last read: @throws VarveError SOURCE_CHANGED when a live file changed meanwhile; LAYER_CORRUPT when a layer's, read from front to
   * end with or without its holes, is not what its digest says.
   */
  verify(): void;
  close(): void;
}

/** Where content stands in layer images, in units that `store/erofs` alone reads. */
export interface StoredContent {
  readonly digest: ContentDigest;
  readonly size: number;
  /** The images that hold the bytes. Without entries for a file that is one hole. */
  readonly layers: readonly LayerId[];
  /** Where the tree that gave it has it, when that is a layer's and the file has one name. */
  readonly path?: ByteString | undefined;
}
