import { createHash } from "node:crypto";
import { closeSync, fchmodSync, fsyncSync, openSync, rmSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { bufferOf, type ByteString } from "../../core/model/byte-string.js";
import type { DeviceEntry, DirectoryEntry, Entry, FileEntry, PipeEntry, SymlinkEntry } from "../../core/model/entry.js";
import type { ContentDigest, DirectoryDigest, LayerId } from "../../core/model/ids.js";
import type { FileContent, StoredContent } from "../../core/model/tree.js";
import type { ContentSink, InodeHandle, LayerWriter, PlaceBelow, WrittenLayer } from "../../core/ports/layer-store.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { chunkCount, exactChunkBits, type BlockRun } from "./block-runs.js";
import { BlockSink } from "./content-sink.js";
import { type OwnRun } from "./content-pieces.js";
import { ContentStore } from "./content-store.js";
import { ContentTable, DIGEST_BYTES, PLACE } from "./content-table.js";
import { deviceOf } from "./device-number.js";
import { OwnStoredContent } from "./own-content.js";
import { DataRegion } from "./data-region.js";
import * as F from "./image-format.js";
import { checkName, InodeTable } from "./inode-table.js";
import { layOutMetadata, type LayerParts, type MetadataLayout } from "./metadata-layout.js";
import { MetadataWriter } from "./metadata-writer.js";
import { SpillArena } from "./spill-arena.js";
import { ImageStoredContent, type ImageRun } from "./stored-content.js";
import { encodeHeader, headerBlocks, sealHeader, type Device } from "./superblock.js";
import { WindowWriter } from "./window-writer.js";
import { writeAt } from "./write-at.js";
import type { InodeMarks } from "./xattr-body.js";
import { XattrTable } from "./xattr-table.js";

/** What surrounds a layer while it is written. */
export interface ImageSurroundings {
  /** Layers below, newest first. */
  readonly chain: readonly LayerId[];
  /** Gives a path for a new scratch file. */
  scratch(): string;
  /** Blocks of a layer image of the chain. */
  blocksOf(id: LayerId): number;
  /** A content that a layer of the chain holds. */
  find?(digest: Buffer, size: number): ImageStoredContent | undefined;
  /** Puts the finished, durable file under its id. @param contents Those that the image itself holds, in whole blocks. */
  keep(file: string, id: LayerId, contents: Iterable<HeldContent>): WrittenLayer;
  /** Called once, when the layer is published or aborted. */
  close?(): void;
}

export interface HeldContent {
  /** Holds the content's SHA-256 from `at` on. */
  readonly digests: Buffer;
  readonly at: number;
  /** An inode that has it. */
  readonly nid: number;
}

const WHITEOUT: DeviceEntry = {
  type: "character",
  mode: 0,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  xattrs: [],
  major: 0,
  minor: 0,
};

/** A file with more chunks is left in the layers below when only its metadata changes. */
const LONGEST_INDEX_AGAIN = 64;

const TYPE_BITS: Readonly<Record<Entry["type"], number>> = {
  file: F.MODE.file,
  directory: F.MODE.directory,
  symlink: F.MODE.symlink,
  fifo: F.MODE.fifo,
  socket: F.MODE.socket,
  character: F.MODE.character,
  block: F.MODE.block,
};

/** Writes one layer into one EROFS image: contents at once, all else when it is published. */
export class ImageWriter implements LayerWriter {
  readonly #surroundings: ImageSurroundings;
  readonly #file: string;
  readonly #fd: number;
  readonly #data: DataRegion;
  readonly #arena: SpillArena;
  readonly #contents = new ContentTable();
  readonly #inodes = new InodeTable();
  readonly #xattrs: XattrTable;
  readonly #store: ContentStore;
  /** Layers that may lend. */
  readonly #lenders: ReadonlySet<LayerId>;
  /** Device slots that there is room for. */
  readonly #mostSlots: number;
  /** Lenders by slot, which counts from 1. */
  readonly #slots = new Map<LayerId, number>();
  #sink: BlockSink | undefined;
  /** By inode, once they are laid out. */
  #nids: Uint32Array = new Uint32Array();
  #whiteout = -1;
  #ended = false;

  /** @throws VarveError PERMISSION, DISK_FULL, IO. */
  constructor(surroundings: ImageSurroundings) {
    this.#surroundings = surroundings;
    const { chain } = surroundings;
    this.#lenders = new Set(chain);
    this.#file = surroundings.scratch();
    try {
      this.#fd = openSync(this.#file, "wx+", 0o600);
    } catch (error) {
      throw systemFailure("begin a layer", error, this.#file);
    }
    this.#mostSlots = Math.min(Math.max(F.SLOTS_IN_BLOCK_0, chain.length), F.MAXIMUM_SLOTS);
    this.#data = new DataRegion(this.#fd, headerBlocks(this.#mostSlots));
    this.#arena = new SpillArena(() => surroundings.scratch());
    this.#xattrs = new XattrTable(this.#arena);
    this.#store = new ContentStore(this.#contents, this.#data, this.#arena, (digest, size) => this.#known(digest, size));
  }

  store(content: FileContent, former?: StoredContent): StoredContent {
    this.#checkIdle();
    const { knownDigest, size } = content;
    const known = knownDigest === undefined ? -1 : this.#known(Buffer.from(knownDigest, "hex"), size);
    if (known >= 0) return this.#own(known);
    const lender = former instanceof ImageStoredContent && former.size >= F.BLOCK_BYTES ? former : undefined;
    return this.#own(this.#attempt(() => this.#storeChanged(content, lender) ?? this.#store.store(content)));
  }

  #storeChanged(content: FileContent, former: ImageStoredContent | undefined): number | undefined {
    const runs = former?.runs;
    if (former === undefined || runs === undefined || !this.#canLend(runs)) return undefined;
    return this.#store.storeChanged(content, former, (mixed) => this.#withSlots(mixed));
  }

  /** @returns The number of a content of which no data need be written, or -1. */
  #known(digest: Buffer, size: number): number {
    const known = this.#contents.find(digest, size);
    if (known >= 0) return this.#contents.place[known] === PLACE.below ? -1 : known;
    const elsewhere = size < F.BLOCK_BYTES ? undefined : this.#surroundings.find?.(digest, size)?.runs;
    return elsewhere === undefined ? -1 : (this.#addLent(digest, size, elsewhere) ?? -1);
  }

  #addLent(digest: Buffer, size: number, runs: readonly ImageRun[]): number | undefined {
    const lent = this.#canLend(runs) ? this.#withSlots(runs) : undefined;
    return lent && this.#contents.addChunks(digest, size, exactChunkBits(lent, F.blocksOf(size)), lent);
  }

  sink(): ContentSink {
    this.#checkIdle();
    const sink = new BlockSink(this.#store, this.#data, () => this.#surroundings.scratch());
    this.#sink = sink;
    return {
      write: (bytes) => this.#attempt(() => sink.write(bytes)),
      hole: (length) => sink.hole(length),
      close: () => {
        const content = this.#attempt(() => sink.close());
        this.#sink = undefined;
        return this.#own(content);
      },
    };
  }

  borrow(stored: StoredContent, below?: () => PlaceBelow | undefined): StoredContent {
    this.#checkIdle();
    if (stored instanceof OwnStoredContent && stored.owner === this) return stored;
    if (!(stored instanceof ImageStoredContent)) throw new TypeError("borrow() of content that no layer image holds");
    const digest = Buffer.from(stored.digest, "hex");
    const known = this.find(stored.digest, stored.size);
    if (known !== undefined) return known;
    const runs = stored.size < F.BLOCK_BYTES ? undefined : stored.runs;
    const place = stored.size > 0 && costsMuch(runs, stored.size) ? below?.() : undefined;
    if (place !== undefined) return this.#leaveBelow(stored, place);
    const lent = runs === undefined ? undefined : this.#addLent(digest, stored.size, runs);
    return lent === undefined ? this.#copy(stored) : this.#own(lent);
  }

  find(digest: ContentDigest, size: number): StoredContent | undefined {
    const content = this.#contents.find(Buffer.from(digest, "hex"), size);
    return content < 0 || this.#contents.place[content] === PLACE.below ? undefined : this.#own(content);
  }

  root(entry: DirectoryEntry): InodeHandle {
    if (this.#inodes.count > 0) throw new TypeError("root() when there is a root");
    const root = this.#add(entry, 0, 0);
    this.#inodes.addName(root, "." as ByteString, root);
    this.#inodes.addName(root, ".." as ByteString, root);
    return root as InodeHandle;
  }

  directory(parent: InodeHandle, name: ByteString, entry: DirectoryEntry): InodeHandle {
    checkName(name);
    const directory = this.#add(entry, 0, 0);
    this.#inodes.addName(directory, "." as ByteString, directory);
    this.#inodes.addName(directory, ".." as ByteString, parent);
    this.#inodes.addName(parent, name, directory);
    return directory as InodeHandle;
  }

  file(parent: InodeHandle, name: ByteString, entry: FileEntry, content: StoredContent): InodeHandle {
    checkName(name);
    if (!(content instanceof OwnStoredContent) || content.owner !== this)
      throw new TypeError("file() with another layer's content");
    if (entry.size !== content.size)
      throw new RangeError(`file() of ${entry.size} bytes with a content of ${content.size} bytes`);
    const { below } = content;
    const file = this.#add(entry, content.content, content.size, below && { metacopy: true, redirect: below.redirect });
    if (below !== undefined) this.#inodes.isBelow[file] = 1;
    this.#inodes.addName(parent, name, file);
    return file as InodeHandle;
  }

  other(parent: InodeHandle, name: ByteString, entry: SymlinkEntry | DeviceEntry | PipeEntry): InodeHandle {
    checkName(name);
    const inode = entry.type === "symlink" ? this.#symlink(entry) : this.#add(entry, deviceOf(entry, name), 0);
    this.#inodes.addName(parent, name, inode);
    return inode as InodeHandle;
  }

  link(parent: InodeHandle, name: ByteString, existing: InodeHandle): void {
    checkName(name);
    if (this.#inodes.isDirectory(existing)) throw new TypeError("link() of a directory");
    this.#inodes.addName(parent, name, existing);
  }

  whiteout(parent: InodeHandle, name: ByteString): void {
    checkName(name);
    if (this.#whiteout < 0) this.#whiteout = this.#add(WHITEOUT, 0, 0);
    this.#inodes.addName(parent, name, this.#whiteout);
  }

  setDirectoryDigest(directory: InodeHandle, digest: DirectoryDigest): void {
    this.#inodes.setDirectoryDigest(directory, digest);
  }

  publish(): WrittenLayer {
    this.#checkIdle();
    if (this.#inodes.count === 0) throw new TypeError("publish() of a layer without a root");
    try {
      const id = this.#writeImage();
      fchmodSync(this.#fd, 0o400);
      fsyncSync(this.#fd);
      const written = this.#surroundings.keep(this.#file, id, this.#held());
      this.#end();
      return written;
    } catch (error) {
      this.abort();
      throw systemFailure("write a layer", error, this.#file);
    }
  }

  abort(): void {
    if (this.#ended) return;
    this.#end();
    rmSync(this.#file, { force: true });
  }

  #writeImage(): LayerId {
    const devices = [...this.#slots.keys()].map((id): Device => ({ id, blocks: this.#surroundings.blocksOf(id) }));
    const dataBlock = this.#data.finish(headerBlocks(devices.length));
    const metadataBlock = dataBlock + F.blocksOf(this.#data.position);
    const parts: LayerParts = {
      inodes: this.#inodes,
      contents: this.#contents,
      xattrs: this.#xattrs,
      arena: this.#arena,
      whiteout: this.#whiteout,
    };
    const layout = layOutMetadata(parts);
    this.#nids = layout.nids;
    const header = this.#header(layout, metadataBlock, devices);
    const hash = createHash("sha256").update(header);
    let position = metadataBlock * F.BLOCK_BYTES;
    const out = new WindowWriter((bytes) => {
      hash.update(bytes);
      writeAt(this.#fd, bytes, position);
      position += bytes.length;
    });
    new MetadataWriter(parts, layout, out, dataBlock, metadataBlock).write();
    const id = hash.digest("hex") as LayerId;
    sealHeader(header, id);
    writeAt(this.#fd, header, 0);
    return id;
  }

  #header(layout: MetadataLayout, metadataBlock: number, devices: readonly Device[]): Buffer {
    const blocks = metadataBlock + layout.bytes / F.BLOCK_BYTES;
    if (blocks >= F.HOLE_ADDRESS) throw new VarveError("UNSUPPORTED", "Cannot write the layer: it takes more than 16 TiB");
    const xattrBlock = this.#xattrs.sharedBytes > 0 || this.#xattrs.hasMetacopy ? metadataBlock : 0;
    const rootNid = layout.nids[0] as number;
    const chunks = this.#contents.hasChunks;
    return encodeHeader({ rootNid, inodes: this.#inodes.count, blocks, metadataBlock, xattrBlock, chunks, devices });
  }

  /** Whether all the layers are of the chain and have slots. */
  #canLend(runs: readonly ImageRun[]): boolean {
    const fresh = new Set<LayerId>();
    for (const { layer } of runs) {
      if (!this.#lenders.has(layer)) return false;
      if (!this.#slots.has(layer)) fresh.add(layer);
    }
    return this.#slots.size + fresh.size <= this.#mostSlots;
  }

  #withSlots(runs: readonly (OwnRun | ImageRun)[]): (BlockRun & { readonly device: number })[] {
    return runs.map((run) => ("layer" in run ? { ...run, device: this.#slot(run.layer) } : run));
  }

  #slot(layer: LayerId): number {
    const slot = this.#slots.get(layer) ?? this.#slots.size + 1;
    this.#slots.set(layer, slot);
    return slot;
  }

  *#held(): Generator<HeldContent> {
    const { digests, count } = this.#contents;
    const seen = new Uint8Array(count);
    for (let inode = 0; inode < this.#inodes.count; inode += 1) {
      if (((this.#inodes.mode[inode] as number) & F.MODE.mask) !== F.MODE.file) continue;
      const content = this.#inodes.payload[inode] as number;
      if (seen[content] === 1 || !this.#contents.isHeld(content)) continue;
      seen[content] = 1;
      yield { digests, at: content * DIGEST_BYTES, nid: this.#nids[inode] as number };
    }
  }

  #leaveBelow(stored: StoredContent, below: PlaceBelow): StoredContent {
    const content = this.#contents.addBelow(Buffer.from(stored.digest, "hex"), stored.size);
    this.#contents.hasChunks = true;
    return this.#own(content, below);
  }

  /** @throws VarveError STORE_DAMAGED when the bytes are not those of the digest. */
  #copy(stored: ImageStoredContent): StoredContent {
    const copied = this.#own(this.#attempt(() => this.#store.store(stored.content)));
    if (copied.digest === stored.digest) return copied;
    throw new VarveError("STORE_DAMAGED", "Cannot copy a file from a layer: its bytes are not those of its digest", {
      hint: "Run `varve fsck` to see which layer is damaged.",
    });
  }

  #symlink(entry: SymlinkEntry): number {
    const target = bufferOf(entry.target);
    if (target.length === 0 || target.length >= F.BLOCK_BYTES) {
      throw new VarveError(
        "UNSUPPORTED",
        `Cannot store a symlink in a layer: its target has ${target.length} bytes, expected 1 to 4,095`,
      );
    }
    return this.#add(
      entry,
      this.#attempt(() => this.#arena.append(target)),
      target.length,
    );
  }

  #add(entry: Entry, payload: number, size: number, marks?: InodeMarks): number {
    const xattrs = this.#attempt(() => this.#xattrs.add(entry.xattrs, marks));
    return this.#inodes.add(TYPE_BITS[entry.type], entry, payload, size, xattrs);
  }

  #own(content: number, below?: PlaceBelow): StoredContent {
    return new OwnStoredContent(this, content, this.#contents, this.#slots, below);
  }

  #checkIdle(): void {
    if (this.#ended) throw new TypeError("The layer was published or aborted");
    if (this.#sink !== undefined) throw new TypeError("A sink of the layer is open");
  }

  /** A failure of the system ends the layer; a source that can't be read does not. */
  #attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (errnoOf(error) !== undefined) this.abort();
      throw systemFailure("write a layer", error, this.#file);
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#surroundings.close?.();
    this.#arena.close();
    closeSync(this.#fd);
  }
}

/** Whether it can't be pointed at, or only by a long index. */
function costsMuch(runs: readonly ImageRun[] | undefined, size: number): boolean {
  if (runs === undefined) return true;
  const blocks = F.blocksOf(size);
  return chunkCount(blocks, exactChunkBits(runs, blocks)) > LONGEST_INDEX_AGAIN;
}
