import { closeSync, fchmodSync, fsyncSync, openSync, rmSync } from "node:fs";
import { VarveError } from "../../core/errors.js";
import { bufferOf, type ByteString } from "../../core/model/byte-string.js";
import type { DeviceEntry, DirectoryEntry, Entry, FileEntry, PipeEntry, SymlinkEntry } from "../../core/model/entry.js";
import type { ContentDigest, DirectoryDigest, LayerId } from "../../core/model/ids.js";
import type { FileContent, StoredContent } from "../../core/model/tree.js";
import { atOnce, type Turns } from "../../core/turns.js";
import type { ContentSink, InodeHandle, LayerWriter, PlaceBelow, WrittenLayer } from "../../core/ports/layer-store.js";
import { errnoOf, systemFailure } from "../system-failure.js";
import { Borrowing, isLongToPointAt } from "./borrowing.js";
import { BlockSink } from "./content-sink.js";
import { ContentStore } from "./content-store.js";
import { ContentTable } from "./content-table.js";
import { deviceOf } from "./device-number.js";
import { OwnStoredContent } from "./own-content.js";
import { DataRegion } from "./data-region.js";
import * as F from "./image-format.js";
import { heldContents, ImagePublication, type HeldContent } from "./image-publication.js";
import { checkName, InodeTable } from "./inode-table.js";
import { Lenders, type LendingRules } from "./lenders.js";
import { SpillArena } from "./spill-arena.js";
import { ImageStoredContent } from "./stored-content.js";
import { headerBlocks } from "./superblock.js";
import type { InodeMarks } from "./xattr-body.js";
import { XattrTable } from "./xattr-table.js";

/** What surrounds a layer while it is written. */
export interface ImageSurroundings {
  /** Layers below, newest first. */
  readonly chain: readonly LayerId[];
  /** Gives a path for a new scratch file. */
  scratch(): string;
  /** Blocks of a layer image that lends. */
  blocksOf(id: LayerId): number;
  /** Absent for an image that shows what layers hold: any of them lends to it, and none is looked for. */
  readonly lending?: ImageLending | undefined;
  /**
   * Puts the finished, durable file under its id; drops it when that stands already.
   *
   * @param contents Those that the image itself holds, in whole blocks.
   * @param canonical The id that the layer would have if it borrowed from its chain alone, when that is another.
   */
  keep(file: string, id: LayerId, contents: Iterable<HeldContent>, canonical: LayerId | undefined): WrittenLayer;
  /** Called once, when the layer is published or aborted. */
  close?(): void;
}

/** Whence a layer borrows. */
export interface ImageLending extends LendingRules {
  /** A content of 4096 bytes or more that a layer holds which may lend; one of the chain where there is one. */
  find(digest: Buffer, size: number): ImageStoredContent | undefined;
  /** The layer that stands for a canonical id already: of that id, or of the same entries and contents. */
  standing(canonical: LayerId): LayerId | undefined;
}

/** All whiteouts of a layer are names of one such inode. */
export const WHITEOUT: DeviceEntry = {
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
  readonly #lenders: Lenders;
  readonly #borrowing: Borrowing;
  readonly #store: ContentStore;
  #sink: BlockSink | undefined;
  #whiteout = -1;
  #ended = false;

  /** @throws VarveError PERMISSION, DISK_FULL, IO. */
  constructor(surroundings: ImageSurroundings) {
    this.#surroundings = surroundings;
    const { chain, lending } = surroundings;
    this.#lenders = new Lenders(chain.length, lending);
    this.#file = surroundings.scratch();
    try {
      this.#fd = openSync(this.#file, "wx+", 0o600);
    } catch (error) {
      throw systemFailure("begin a layer", error, this.#file);
    }
    this.#data = new DataRegion(this.#fd, headerBlocks(this.#lenders.most));
    this.#arena = new SpillArena(() => surroundings.scratch());
    this.#xattrs = new XattrTable(this.#arena);
    const find = lending && ((digest: Buffer, size: number) => lending.find(digest, size));
    this.#borrowing = new Borrowing(this.#contents, this.#lenders, find);
    this.#store = new ContentStore(this.#contents, this.#data, this.#arena, this.#lenders, this.#borrowing);
  }

  *store(
    content: FileContent,
    former?: StoredContent,
    below?: (digest: ContentDigest) => PlaceBelow | undefined,
  ): Turns<StoredContent> {
    this.#checkIdle();
    const number = yield* this.#attemptInTurns(this.#findOrStore(content, former));
    return this.#ownOrBelow(number, below);
  }

  /** An inode takes more room for some contents that the layer has than for telling where the layers below show them. */
  #ownOrBelow(number: number, below?: (digest: ContentDigest) => PlaceBelow | undefined): StoredContent {
    const own = this.#own(number);
    const place = below !== undefined && this.#contents.isLong(number) ? below(own.digest) : undefined;
    return place === undefined ? own : this.#leaveBelow(own, place);
  }

  *#findOrStore(content: FileContent, former: StoredContent | undefined): Turns<number> {
    return (yield* this.#find(content, former)) ?? (yield* this.#store.store(content));
  }

  /** @returns The number of a content of which not all data need be written; `undefined` without one. */
  *#find(content: FileContent, former: StoredContent | undefined): Turns<number | undefined> {
    const digest = content.knownDigest && Buffer.from(content.knownDigest, "hex");
    const known = digest && this.#borrowing.find(digest, content.size);
    if (typeof known === "number") return known;
    const changed = yield* this.#storeChanged(content, former);
    if (changed !== undefined || known === undefined) return changed;
    return this.#borrowing.addUnread(digest as Buffer, content, known, this.#data.position / F.BLOCK_BYTES);
  }

  *#storeChanged(content: FileContent, former: StoredContent | undefined): Turns<number | undefined> {
    return this.#canShare(former) ? yield* this.#store.storeChanged(content, former) : undefined;
  }

  /** Whether a former version's blocks may be pointed at. */
  #canShare(former: StoredContent | undefined): former is ImageStoredContent {
    if (!(former instanceof ImageStoredContent) || former.size < F.BLOCK_BYTES) return false;
    return former.runs !== undefined && this.#lenders.originOf(former.runs) === "chain";
  }

  sink(former?: StoredContent): ContentSink {
    this.#checkIdle();
    const scratch = (): string => this.#surroundings.scratch();
    const sink = new BlockSink(this.#store, this.#data, scratch, this.#canShare(former) ? former : undefined);
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
    const known = this.#contents.find(digest, stored.size);
    if (known >= 0) return this.#ownOrBelow(known, below);
    const runs = stored.size < F.BLOCK_BYTES ? undefined : stored.runs;
    const place = stored.size > 0 && isLongToPointAt(runs, stored.size) ? below?.() : undefined;
    if (place !== undefined) return this.#leaveBelow(stored, place);
    const lent = runs === undefined ? undefined : this.#borrowing.lend(digest, stored.size, runs);
    if (lent === undefined) return this.#copy(stored);
    if (typeof lent === "number") return this.#own(lent);
    return this.#own(this.#borrowing.addUnread(digest, stored.content, lent, this.#data.position / F.BLOCK_BYTES));
  }

  find(digest: ContentDigest, size: number): StoredContent | undefined {
    const content = this.#contents.find(Buffer.from(digest, "hex"), size);
    return content < 0 ? undefined : this.#own(content);
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
      const { id, canonical, contents } = this.#write();
      const written = this.#surroundings.keep(this.#file, id, contents, canonical);
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

  /** Makes the file whole and durable, unless its layer stands already. */
  #write(): { id: LayerId; canonical: LayerId | undefined; contents: Iterable<HeldContent> } {
    const { blocksOf, lending } = this.#surroundings;
    const publication = new ImagePublication({
      inodes: this.#inodes,
      contents: this.#contents,
      xattrs: this.#xattrs,
      arena: this.#arena,
      whiteout: this.#whiteout,
      data: this.#data,
      lenders: this.#lenders,
      blocksOf,
    });
    const canonical = publication.canonicalId();
    const standing = canonical && lending?.standing(canonical);
    if (standing !== undefined) return { id: standing, canonical: undefined, contents: [] };
    const { id, nids } = publication.write(this.#fd);
    fchmodSync(this.#fd, 0o400);
    fsyncSync(this.#fd);
    return { id, canonical, contents: heldContents(this.#inodes, this.#contents, nids) };
  }

  /** @param stored Of any layer, or this one. */
  #leaveBelow(stored: StoredContent, below: PlaceBelow): StoredContent {
    const content = this.#contents.addBelow(Buffer.from(stored.digest, "hex"), stored.size);
    return this.#own(content, below);
  }

  /** @throws VarveError LAYER_CORRUPT when the bytes are not those of the digest. */
  #copy(stored: ImageStoredContent): StoredContent {
    const copied = this.#own(this.#attempt(() => atOnce(this.#store.store(stored.content))));
    if (copied.digest === stored.digest) return copied;
    throw new VarveError("LAYER_CORRUPT", "Cannot copy a file from a layer: its bytes are not those of its digest", {
      layers: stored.layers,
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
    return new OwnStoredContent(this, content, this.#contents, this.#lenders, below);
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
      throw this.#failure(error);
    }
  }

  *#attemptInTurns<T>(action: Turns<T>): Turns<T> {
    try {
      return yield* action;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    if (errnoOf(error) !== undefined) this.abort();
    return systemFailure("write a layer", error, this.#file);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#surroundings.close?.();
    this.#arena.close();
    closeSync(this.#fd);
  }
}
