import type { ByteString } from "../model/byte-string.js";
import type { DeviceEntry, DirectoryEntry, FileEntry, PipeEntry, SymlinkEntry } from "../model/entry.js";
import type { ContentDigest, DirectoryDigest, LayerId } from "../model/ids.js";
import type { PathSelection } from "../paths/path-selection.js";
import type { Turns } from "../turns.js";
import type { FileContent, StoredContent, Tree } from "../model/tree.js";

/** Keeps layer images under their LayerId. A layer is absent, then present and on the disk; never half-written or changed. */
export interface LayerStore {
  /**
   * Starts a layer. Nothing of it can be seen before `publish`; a crash leaves only scratch, which the next opening removes.
   *
   * @param chain The layers below, newest first: whence content may be borrowed.
   * @param kept Other layers whence content may be borrowed, since the store is sure to keep them; none by default. What the chain has is
   *   borrowed from it all the same. When all that the layer holds stands already under the id that it would have without them, or was
   *   written so before, `publish` gives that layer. With SOURCE_DATE_EPOCH they are passed over: ids depend on tree and chain alone.
   * @throws VarveError PERMISSION, DISK_FULL.
   */
  write(chain: readonly LayerId[], kept?: ReadonlySet<LayerId>): LayerWriter;

  /**
   * What a chain of layers adds up to: whiteouts and opaque directories applied, each directory's digest known.
   *
   * @param chain Newest first. Empty: a tree with an empty root directory (mode 0755, owner 0:0, mtime 0).
   * @throws VarveError LAYER_CORRUPT when a layer is missing or is no layer image. Closed by the caller.
   */
  openTree(chain: readonly LayerId[]): Tree;

  has(id: LayerId): boolean;

  /**
   * Whether a layer changes something selected against the tree below it, without a look at that tree. Deletions of what a pattern selects below a
   * directory that is gone are not seen. @returns `undefined` when only a comparison of the trees can tell. @throws VarveError LAYER_CORRUPT.
   */
  changes?(id: LayerId, paths: PathSelection): boolean | undefined;

  /**
   * What a layer holds: the paths that differ from the tree below, and the directories that lead there; depth first, names in byte order. To be used
   * before the next call. @returns `undefined` when only a comparison of the trees can tell. @throws VarveError LAYER_CORRUPT.
   */
  names?(id: LayerId): Iterable<LayerName> | undefined;

  /** Writes down what `changes` and `names` have learnt of layers, so that they need not open them again. A cache; may be repeated. */
  keepNames?(): void;

  /** Bytes of disk that a layer's image takes, holes not counted. @throws VarveError LAYER_CORRUPT when absent. */
  storedBytes(id: LayerId): number;

  /** The layers whose blocks a layer points at. @throws VarveError LAYER_CORRUPT. */
  lenders(id: LayerId): readonly LayerId[];

  /** Which of some contents a layer's files have, be it that it borrows them. @throws VarveError LAYER_CORRUPT. */
  contentsOf(id: LayerId, wanted: ReadonlySet<ContentDigest>): readonly ContentDigest[];

  /** The image file, and the images whose blocks it points at, in the order of its device table: what a mount needs. */
  image(id: LayerId): LayerImageFile;

  /**
   * Makes ready what reading and mounting a long chain takes, so that neither grows with its length. A cache; without it `openTree` is slow.
   * Costs what the chain changed since it was last prepared.
   *
   * @throws VarveError LAYER_CORRUPT, DISK_FULL.
   */
  prepare(chain: readonly LayerId[]): Promise<void>;

  /**
   * What a chain is mounted by, as a stack, the topmost first: its layers, or, of a long one, images that show several of them. The same chain
   * gives the same ids each time, and `openTree` after `prepare` reads the same images: file handles in an overlay's index name them.
   *
   * @param chain Newest first, not empty. @throws VarveError LAYER_CORRUPT, DISK_FULL, PERMISSION.
   */
  images(chain: readonly LayerId[]): Promise<readonly LayerImageFile[]>;

  /** Ids in ascending order. */
  list(): readonly LayerId[];
}

export interface LayerName {
  readonly path: ByteString;
  /** "deleted": the tree below may have it, and all that stands below it; this one has not. */
  readonly kind: "directory" | "other" | "deleted";
}

export interface LayerImageFile {
  readonly id: LayerId;
  readonly path: string;
  /** Paths of the device images, in slot order. */
  readonly devices: readonly string[];
}

/** A file of the tree that the layers below add up to, with one name. */
export interface PlaceBelow {
  /** Absent when it is the path of the new file itself. */
  readonly redirect?: ByteString | undefined;
}

declare const handle: unique symbol;
/** An inode of the layer being written. */
export type InodeHandle = number & { readonly [handle]: true };

/**
 * Writes one layer. First the contents, in any order and one at a time (`store`, `sink`, `borrow`), mixed at will with the
 * inodes; a directory's `digest` may come last (`setDirectoryDigest`). Ends once, by `publish` or `abort`.
 */
export interface LayerWriter {
  /**
   * Reads content to its end, checks that it did not change (ContentReader.verify), keeps it once per digest, holes as holes. What any
   * layer of the store holds already, by digest, is pointed at. Large content is read in turns.
   *
   * @param former What the base has at the path: of a large file that changed in place, the changed parts alone are kept.
   * @param below As in `borrow`. Gets the content's digest.
   */
  store(
    content: FileContent,
    former?: StoredContent,
    below?: (digest: ContentDigest) => PlaceBelow | undefined,
  ): Turns<StoredContent>;

  /**
   * For content that comes by itself, as in a tar stream: pieces pushed in order. One sink is open at a time.
   * @param former As of `store`.
   */
  sink(former?: StoredContent): ContentSink;

  /**
   * Content that a layer holds already, or this one. Costs no data where blocks can be pointed at; content shorter than a block is
   * copied, unless the layers below show it.
   *
   * @param below Tells where the layers below show it. Asked for content alone that can't well be pointed at. The file that it is borrowed for must have one
   *   name: overlayfs looks for content below by path.
   */
  borrow(stored: StoredContent, below?: () => PlaceBelow | undefined): StoredContent;

  /** Looks a digest up among the contents that this layer has, or points at. */
  find(digest: ContentDigest, size: number): StoredContent | undefined;

  /** Once, before all else that has a parent. */
  root(entry: DirectoryEntry): InodeHandle;
  directory(parent: InodeHandle, name: ByteString, entry: DirectoryEntry): InodeHandle;
  file(parent: InodeHandle, name: ByteString, entry: FileEntry, content: StoredContent): InodeHandle;
  other(parent: InodeHandle, name: ByteString, entry: SymlinkEntry | DeviceEntry | PipeEntry): InodeHandle;
  /** One more name for an inode that is no directory. */
  link(parent: InodeHandle, name: ByteString, existing: InodeHandle): void;
  /** The layer below has this name, the tree has not. */
  whiteout(parent: InodeHandle, name: ByteString): void;
  setDirectoryDigest(directory: InodeHandle, digest: DirectoryDigest): void;

  /**
   * Writes metadata and superblock, makes the image durable and puts it under its id. A layer that stands there already is
   * left alone.
   * @throws VarveError DISK_FULL, IO; then nothing is published and the scratch file is gone.
   */
  publish(): WrittenLayer;
  /** Throws everything away. May be repeated; does nothing after `publish`. */
  abort(): void;
}

export interface ContentSink {
  write(bytes: Uint8Array): void;
  /** A run of zero bytes that takes no room. */
  hole(length: number): void;
  close(): StoredContent;
}

export interface WrittenLayer {
  readonly id: LayerId;
  readonly storedBytes: number;
}
