import { createHash } from "node:crypto";
import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import {
  EMPTY_ROOT,
  type DeviceEntry,
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  type PipeEntry,
  type SymlinkEntry,
} from "../../core/model/entry.js";
import type { ContentDigest, DirectoryDigest, LayerId } from "../../core/model/ids.js";
import { DirectoryDigester } from "../../core/model/tree-digest.js";
import type { Turns } from "../../core/turns.js";
import type { FileContent, StoredContent, Tree } from "../../core/model/tree.js";
import type {
  ContentSink,
  InodeHandle,
  LayerImageFile,
  LayerStore,
  LayerWriter,
  WrittenLayer,
} from "../../core/ports/layer-store.js";
import { MemorySink, MemoryStored, storedFrom } from "./memory-content.js";
import {
  isDirectory,
  mergedDirectory,
  nameInodes,
  type MemoryDirectory,
  type MemoryInode,
  type MemoryLayer,
} from "./memory-layer.js";

/** A layer store without a disk, for tests of what stands above it. Its layers have no image file, so nothing mounts them. */
export function memoryLayerStore(): LayerStore {
  return new MemoryLayerStore();
}

class MemoryLayerStore implements LayerStore {
  readonly #layers = new Map<LayerId, MemoryLayer>();

  write(chain: readonly LayerId[], kept: ReadonlySet<LayerId> = new Set()): LayerWriter {
    const lenders = [...chain, ...kept].flatMap((id) => this.#layers.get(id) ?? []);
    const find = (digest: ContentDigest): MemoryStored | undefined =>
      lenders.find(({ contents }) => contents.has(digest))?.contents.get(digest);
    return new MemoryLayerWriter(find, (layer) => this.#layers.set(layer.id, this.#layers.get(layer.id) ?? layer));
  }

  openTree(chain: readonly LayerId[]): Tree {
    const stack =
      chain.length === 0
        ? [{ ...directory(EMPTY_ROOT), digest: new DirectoryDigester().digest() }]
        : chain.map((id) => this.#layer(id).root);
    return { root: mergedDirectory(stack), close: () => undefined };
  }

  has(id: LayerId): boolean {
    return this.#layers.has(id);
  }

  storedBytes(id: LayerId): number {
    return this.#layer(id).storedBytes;
  }

  /** Each holds all of its contents. */
  lenders(): readonly LayerId[] {
    return [];
  }

  contentsOf(id: LayerId, wanted: ReadonlySet<ContentDigest>): readonly ContentDigest[] {
    const { contents } = this.#layer(id);
    return [...wanted].filter((digest) => contents.has(digest));
  }

  image(id: LayerId): LayerImageFile {
    throw new VarveError("MOUNT_UNAVAILABLE", `Cannot mount layer "${id}": it is kept in memory, wanted an image file`);
  }

  async prepare(): Promise<void> {
    // Reading it costs nothing.
  }

  async images(chain: readonly LayerId[]): Promise<readonly LayerImageFile[]> {
    return chain.map((layer) => this.image(layer));
  }

  list(): readonly LayerId[] {
    return [...this.#layers.keys()].sort();
  }

  #layer(id: LayerId): MemoryLayer {
    const layer = this.#layers.get(id);
    if (layer !== undefined) return layer;
    throw new VarveError("LAYER_CORRUPT", `Cannot read layer "${id}": it is missing`, {
      path: id,
      layers: [id],
      hint: "A store in memory forgets with its process.",
    });
  }
}

function directory(entry: DirectoryEntry): MemoryDirectory {
  return { entry, names: new Map(), digest: undefined };
}

class MemoryLayerWriter implements LayerWriter {
  readonly #find: (digest: ContentDigest) => MemoryStored | undefined;
  readonly #keep: (layer: MemoryLayer) => void;
  readonly #inodes: MemoryInode[] = [];
  readonly #contents = new Map<ContentDigest, MemoryStored>();
  readonly #hash = createHash("sha256");
  #ownBytes = 0;
  #ended = false;

  /** @param find Finds a content in other layers that may lend it. */
  constructor(find: (digest: ContentDigest) => MemoryStored | undefined, keep: (layer: MemoryLayer) => void) {
    this.#find = find;
    this.#keep = keep;
  }

  *store(content: FileContent): Turns<StoredContent> {
    return (content.knownDigest && this.find(content.knownDigest)) ?? this.#own(storedFrom(content));
  }

  sink(): ContentSink {
    return new MemorySink((bytes) => this.#own(bytes));
  }

  borrow(stored: StoredContent): StoredContent {
    if (!(stored instanceof MemoryStored)) throw new TypeError("borrow() of content that no layer in memory holds");
    this.#contents.set(stored.digest, stored);
    return stored;
  }

  find(digest: ContentDigest): StoredContent | undefined {
    return this.#contents.get(digest);
  }

  root(entry: DirectoryEntry): InodeHandle {
    return this.#inode(directory(entry), entry);
  }

  directory(parent: InodeHandle, name: ByteString, entry: DirectoryEntry): InodeHandle {
    return this.#name(parent, name, this.#inode(directory(entry), entry));
  }

  file(parent: InodeHandle, name: ByteString, entry: FileEntry, content: StoredContent): InodeHandle {
    if (!(content instanceof MemoryStored)) throw new TypeError("file() with content that no layer in memory holds");
    this.#hash.update(`${content.digest} `);
    return this.#name(parent, name, this.#inode({ entry, stored: content, paths: [] }, entry));
  }

  other(parent: InodeHandle, name: ByteString, entry: SymlinkEntry | DeviceEntry | PipeEntry): InodeHandle {
    if (entry.type === "character" && entry.major === 0 && entry.minor === 0) {
      throw new VarveError("UNSUPPORTED", "Cannot keep a character device 0:0: overlayfs reads it as a deletion");
    }
    return this.#name(parent, name, this.#inode({ entry, stored: undefined, paths: [] }, entry));
  }

  link(parent: InodeHandle, name: ByteString, existing: InodeHandle): void {
    this.#name(parent, name, existing);
  }

  whiteout(parent: InodeHandle, name: ByteString): void {
    this.#hash.update(JSON.stringify(["whiteout", parent, name]));
    this.#directory(parent).names.set(name, "whiteout");
  }

  setDirectoryDigest(handle: InodeHandle, digest: DirectoryDigest): void {
    this.#hash.update(JSON.stringify(["digest", handle, digest]));
    this.#directory(handle).digest = digest;
  }

  publish(): WrittenLayer {
    if (this.#ended) throw new TypeError("publish() after the layer ended");
    this.#ended = true;
    const root = this.#directory(0 as InodeHandle);
    nameInodes(root);
    const storedBytes = this.#ownBytes + this.#inodes.length;
    const layer = { id: this.#hash.digest("hex") as LayerId, root, contents: this.#contents, storedBytes };
    this.#keep(layer);
    return { id: layer.id, storedBytes: layer.storedBytes };
  }

  abort(): void {
    this.#ended = true;
  }

  #own(bytes: MemoryStored): MemoryStored {
    const known = this.#contents.get(bytes.digest);
    if (known !== undefined) return known;
    this.#contents.set(bytes.digest, bytes);
    if (this.#find(bytes.digest) === undefined) this.#ownBytes += bytes.size;
    return bytes;
  }

  #inode(inode: MemoryInode, entry: Entry): InodeHandle {
    const xattrs = entry.xattrs.map(({ name, value }) => [name, Buffer.from(value).toString("base64")]);
    this.#hash.update(JSON.stringify({ ...entry, xattrs }));
    return (this.#inodes.push(inode) - 1) as InodeHandle;
  }

  #name(parent: InodeHandle, name: ByteString, child: InodeHandle): InodeHandle {
    this.#hash.update(JSON.stringify(["name", parent, name, child]));
    const { names } = this.#directory(parent);
    if (names.has(name)) throw new RangeError("A name twice in one directory");
    names.set(name, this.#inodes[child] as MemoryInode);
    return child;
  }

  #directory(handle: InodeHandle): MemoryDirectory {
    const inode = this.#inodes[handle];
    if (inode === undefined || !isDirectory(inode)) throw new TypeError("A parent that is no directory");
    return inode;
  }
}
