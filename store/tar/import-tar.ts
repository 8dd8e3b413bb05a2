import type { ByteString } from "../../core/model/byte-string.js";
import type { Entry, Metadata } from "../../core/model/entry.js";
import type { ImportedTar } from "../../core/ports/archives.js";
import { nodeAt } from "../../core/model/paths.js";
import type { ContentDigest } from "../../core/model/ids.js";
import type { StoredContent, Tree } from "../../core/model/tree.js";
import type { ContentSink, LayerWriter } from "../../core/ports/layer-store.js";
import { ArchiveIndex, isDirectory, type Place } from "./archive-index.js";
import { archiveTree, type ArchiveContents } from "./archive-tree.js";
import { decompressed } from "./decompress.js";
import { splitEntryPath } from "./entry-path.js";
import { MAX_TARGET_BYTES } from "./limits.js";
import type { TarEntry } from "./tar-entry.js";
import { namedTarFault, quoted, tarFault, UNNAMED_TAR, type Fail, type Warn } from "./tar-fault.js";
import { readTar, type TarHandler } from "./tar-reader.js";
import { admitXattrs } from "./xattr-policy.js";

/**
 * Reads a tar, plain or compressed, as a root filesystem: contents go into `writer` as they come, all else into an index in
 * memory (see `ArchiveIndex` for the rules of paths, and `admitXattrs` for those of xattrs). Names like `.wh.x` are plain files:
 * only an OCI layer has whiteouts. Content of an entry that a later one replaces stays in the layer, unused.
 *
 * @returns A tree whose contents only `writer` can place.
 * @param name Of Archives.importTar. @param base Of it, too.
 * @throws VarveError SOURCE_INVALID naming the archive and the entry. The writer is then to be aborted.
 */
export async function importTar(
  stream: AsyncIterable<Uint8Array>,
  writer: ContentPlace,
  name: string = UNNAMED_TAR,
  base?: Tree,
): Promise<ImportedTar> {
  const archive = new TarImport(writer, { base });
  await archive.read(stream, name);
  return archive.finish();
}

/** Where contents go: a layer's writer, or a spool. */
export type ContentPlace = Pick<LayerWriter, "sink">;

/** Two blocks of an image: of less, nothing can be shared but all. */
const SHORTEST_SHARING = 8192;
/** Warnings kept; what comes after is counted. */
const MAX_WARNINGS = 200;

/** How OCI layers say that something is gone. */
export interface Whiteouts {
  /** @returns Whether the entry is such a mark, and no entry of the tree. */
  take(
    entry: Pick<TarEntry, "type" | "size"> & { readonly names: readonly ByteString[] },
    index: ArchiveIndex,
    say: { readonly fail: Fail; readonly warn: Warn },
  ): boolean;
}

/** Hears how the bytes of a tar come to be contents. */
export interface TarWitness {
  /** Before, and after, each chunk of the tar, decompressed. */
  begin(chunk: Uint8Array): void;
  end(): void;
  /** A part of the chunk that is a file's, from front to back; zeros that the tar leaves out; and what the file was then. */
  body(bytes: Uint8Array): void;
  hole(length: number): void;
  fileEnd(digest: ContentDigest, size: number): void;
}

export interface TarImportOptions {
  /** Of Archives.importTar. */
  readonly base?: Tree | undefined;
  /** What the archive changes, as an image's layer does: the tree that comes out is this one with the changes. */
  readonly onto?: Tree | undefined;
  readonly whiteouts?: Whiteouts;
  readonly witness?: TarWitness | undefined;
}

/** One archive, or several on top of each other. */
export class TarImport implements TarHandler {
  readonly #writer: ContentPlace;
  readonly #base: Tree | undefined;
  readonly #whiteouts: Whiteouts | undefined;
  readonly #witness: TarWitness | undefined;
  readonly #index: ArchiveIndex;
  readonly #warnings: string[] = [];
  #unlistedWarnings = 0;
  #path = "" as ByteString;
  #file:
    | { readonly place: Place; readonly entry: TarEntry; readonly xattrs: Metadata["xattrs"]; readonly sink: ContentSink }
    | undefined;

  readonly #fail: Fail = (problem, hint) => {
    throw tarFault(this.#path, problem, hint);
  };

  readonly #say = { fail: this.#fail, warn: (note: string): void => this.warn(note, this.#path) };

  constructor(writer: ContentPlace, { base, onto, whiteouts, witness }: TarImportOptions = {}) {
    this.#writer = writer;
    this.#index = new ArchiveIndex(onto);
    this.#base = base;
    this.#whiteouts = whiteouts;
    this.#witness = witness;
  }

  /** Reads one archive, which lies on those before it. @throws VarveError SOURCE_INVALID. */
  async read(stream: AsyncIterable<Uint8Array>, name: string): Promise<void> {
    try {
      this.#index.generation += 1;
      this.#path = "" as ByteString;
      await readTar(decompressed(stream), this, this.#witness);
    } catch (error) {
      throw namedTarFault(error, name);
    }
  }

  entry(entry: TarEntry): void {
    this.#path = entry.path;
    const names = splitEntryPath(entry.path, "its path", this.#fail);
    if (names.length === 0) {
      this.#root(entry);
      return;
    }
    if (this.#whiteouts?.take({ names, type: entry.type, size: entry.size }, this.#index, this.#say)) return;
    const place = this.#index.place(names, this.#fail);
    if (entry.type === "hardlink") {
      this.#tellReplaced(this.#index.link(place, splitEntryPath(entry.linkPath, "its target", this.#fail), this.#fail));
      return;
    }
    const xattrs = this.#admitted(entry);
    if (entry.type === "file") this.#file = { place, entry, xattrs, sink: this.#writer.sink(this.#former(names, entry.size)) };
    else this.#put(place, entry, xattrs);
  }

  /** What the layers below have in the place of a file that is long enough to share parts with it. */
  #former(names: readonly ByteString[], size: number): StoredContent | undefined {
    if (this.#base === undefined || size < SHORTEST_SHARING) return undefined;
    const node = nodeAt(this.#base, names.join("/") as ByteString);
    return node !== undefined && "content" in node && node.content.size >= SHORTEST_SHARING ? node.content.stored : undefined;
  }

  data(bytes: Uint8Array): void {
    if (this.#file === undefined) return;
    this.#file.sink.write(bytes);
    this.#witness?.body(bytes);
  }

  hole(length: number): void {
    if (this.#file === undefined) return;
    this.#file.sink.hole(length);
    this.#witness?.hole(length);
  }

  fileEnd(): void {
    if (this.#file === undefined) return;
    const { place, entry, xattrs, sink } = this.#file;
    this.#file = undefined;
    const stored = sink.close();
    this.#witness?.fileEnd(stored.digest, stored.size);
    const node = { entry: { type: "file", ...metadata(entry, xattrs), size: entry.size } as const, stored };
    this.#tellReplaced(this.#index.put(place, node));
  }

  warn(note: string, entry?: ByteString): void {
    const about = entry === undefined ? "The tar" : `The tar's entry ${quoted(entry)}`;
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(`${about}: ${note}.`);
    else this.#unlistedWarnings += 1;
  }

  /** Contents of the archive's files that are in the tree: those of entries which a later one replaced are not. To be asked after `finish`. */
  contents(): ReadonlySet<ContentDigest> {
    const found = new Set<ContentDigest>();
    const pending = [this.#index.root];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const node of next.children.values()) {
        if (isDirectory(node)) pending.push(node);
        else if ("stored" in node) found.add(node.stored.digest);
      }
    }
    return found;
  }

  /** @param contents Where they can be read, when not in a layer. */
  finish(contents?: ArchiveContents): ImportedTar {
    this.#index.finish();
    if (this.#unlistedWarnings > 0) this.#warnings.push(`There were ${this.#unlistedWarnings} more warnings about the tar.`);
    return { tree: archiveTree(this.#index.root, contents), warnings: this.#warnings };
  }

  #root(entry: TarEntry): void {
    if (entry.type !== "directory") this.#fail(`it is the root and a ${entry.type}, expected a directory`);
    this.#index.root.entry = { type: "directory", ...metadata(entry, this.#admitted(entry)) };
  }

  #admitted(entry: TarEntry): Metadata["xattrs"] {
    return admitXattrs(entry, this.#fail, (note) => this.warn(note, entry.path));
  }

  #put(place: Place, entry: TarEntry, xattrs: Metadata["xattrs"]): void {
    if (entry.type === "directory") {
      const node = { entry: { type: "directory", ...metadata(entry, xattrs) } as const, children: new Map() };
      this.#tellReplaced(this.#index.put(place, node));
    } else {
      this.#tellReplaced(this.#index.put(place, { entry: this.#otherEntry(entry, xattrs) }));
    }
  }

  #otherEntry(tar: TarEntry, xattrs: Metadata["xattrs"]): Exclude<Entry, { type: "file" | "directory" }> {
    const common = metadata(tar, xattrs);
    if (tar.type === "symlink") return { type: "symlink", ...common, target: this.#checkedTarget(tar.linkPath) };
    if (tar.type === "fifo") return { type: "fifo", ...common };
    if (tar.type === "character" && tar.major === 0 && tar.minor === 0) {
      const hint =
        "overlayfs reads such a device as a deletion. If the tar was made of an overlay's upper directory, make it of the mounted tree.";
      this.#fail("it is the character device 0:0, which no tree can hold", hint);
    }
    return { type: tar.type === "block" ? "block" : "character", ...common, major: tar.major, minor: tar.minor };
  }

  #checkedTarget(target: ByteString): ByteString {
    if (target.length > 0 && target.length <= MAX_TARGET_BYTES && !target.includes("\0")) return target;
    return this.#fail(`its symlink target has ${target.length} bytes, expected 1 to ${MAX_TARGET_BYTES} without a NUL`);
  }

  #tellReplaced(former: unknown): void {
    // That a layer replaces what stands below is its purpose.
    if (former !== undefined && this.#whiteouts === undefined)
      this.warn("it replaces an earlier entry of the same path", this.#path);
  }
}

function metadata({ mode, uid, gid, mtimeSeconds, mtimeNanoseconds }: TarEntry, xattrs: Metadata["xattrs"]): Metadata {
  return { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs };
}
