import { ftruncateSync, writeSync } from "node:fs";
import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import { treePathText } from "../../core/model/paths.js";
import type { DeviceEntry, PipeEntry, SymlinkEntry } from "../../core/model/entry.js";
import type { DirectoryNode, FileContent, TreeNode } from "../../core/model/tree.js";
import type { LayerProgress } from "../../core/model/layer-progress.js";
import type { Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { makeDirectory, makeLink, makeNode, makeSymlink } from "../../linux/make-node.js";
import { closeDescriptor, CREATE_FILE, openAt } from "../../linux/open-at.js";
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK } from "../../linux/stat.js";
import { unlink } from "../../linux/unlink.js";
import { systemFailure } from "../system-failure.js";
import type { DirectoryOpener } from "./directory-opener.js";
import { setMetadata } from "./entry-metadata.js";

const NODE_TYPES = { fifo: S_IFIFO, socket: S_IFSOCK, character: S_IFCHR, block: S_IFBLK } as const;
const PIECE = Buffer.allocUnsafeSlow(1 << 20);

/** A path's first name in its hardlink group, in the tree that it belongs to; the path itself when it is alone. */
export function leaderOf(node: TreeNode, path: ByteString): ByteString {
  return ("links" in node ? node.links?.paths()[0] : undefined) ?? path;
}

/** Writes new nodes below a directory, by descriptors, following no symlink. Nothing that exists is opened for writing. */
export class NodeWriter implements LayerProgress {
  /** Written so far. */
  entries = 0;
  bytes = 0;
  readonly #opener: DirectoryOpener;
  /** Opens where hardlinks come from, so that the other keeps its place. */
  readonly #sources: DirectoryOpener;
  /** Where each hardlink group's inode stands now, by the path of its first name in the target. */
  readonly #written = new Map<ByteString, ByteString>();

  readonly #observe: ((progress: LayerProgress) => void) | undefined;

  /** @param observe Hears how far it is, now and then. */
  constructor(opener: DirectoryOpener, sources: DirectoryOpener, observe?: (progress: LayerProgress) => void) {
    this.#opener = opener;
    this.#sources = sources;
    this.#observe = observe;
  }

  /** Notes where the inode of a hardlink group stands. */
  noteLeader(leader: ByteString, place: ByteString): void {
    this.#written.set(leader, place);
  }

  /**
   * Writes a node and all below it.
   *
   * @param path Its path in the target, which hardlinks are told by.
   * @param directory Where to write, a path below the writer's root that may differ from the target's.
   * @throws VarveError PERMISSION, DISK_FULL, IO, and what reading the node throws.
   */
  *write(node: TreeNode, path: ByteString, directory: ByteString, name: ByteString): Turns<void> {
    yield* this.#turn();
    this.entries += 1;
    const leader = leaderOf(node, path);
    const source = this.#written.get(leader);
    if (source !== undefined) return this.link(source, directory, name, path);
    yield* guardedInTurns(path, this.#make(node, directory, name));
    if ("children" in node) yield* this.#fill(node, path, directory, name);
    else if (node.links !== undefined) this.noteLeader(leader, joinPath(directory, name));
  }

  /** One more name for what stands at `source`. */
  link(source: ByteString, directory: ByteString, name: ByteString, path: ByteString): void {
    const slash = source.lastIndexOf("/");
    guarded(path, () => {
      const from = this.#sources.open(source.slice(0, Math.max(slash, 0)) as ByteString);
      makeLink(from, source.slice(slash + 1), this.#opener.open(directory), name);
    });
  }

  *#turn(): Turns<void> {
    if (!isTurnDue()) return;
    this.#observe?.(this);
    yield;
  }

  /** After each piece of a content. */
  *#wrote(count: number): Turns<void> {
    this.bytes += count;
    yield* this.#turn();
  }

  *#make(node: TreeNode, directory: ByteString, name: ByteString): Turns<void> {
    const descriptor = this.#opener.open(directory);
    if ("children" in node) makeDirectory(descriptor, name, 0o700);
    else if ("content" in node)
      yield* writeFile(descriptor, name, node.content, {
        wrote: (count) => this.#wrote(count),
        finish: (file) => setMetadata(file, "", node.entry),
      });
    else makeOther(descriptor, name, node.entry);
  }

  *#fill(node: DirectoryNode, path: ByteString, directory: ByteString, name: ByteString): Turns<void> {
    const place = joinPath(directory, name);
    for (const [child, below] of node.children()) yield* this.write(below, joinPath(path, child), place, child);
    guarded(path, () => setDirectoryMetadata(this.#opener.open(place), node));
  }
}

export function setDirectoryMetadata(descriptor: number, node: DirectoryNode): void {
  setMetadata(descriptor, "", node.entry);
}

function makeOther(directory: number, name: ByteString, entry: SymlinkEntry | DeviceEntry | PipeEntry): void {
  switch (entry.type) {
    case "symlink":
      makeSymlink(directory, name, entry.target);
      break;
    case "character":
    case "block":
      makeNode(directory, name, NODE_TYPES[entry.type] | 0o600, entry.major, entry.minor);
      break;
    default:
      makeNode(directory, name, NODE_TYPES[entry.type] | 0o600);
  }
  setMetadata(directory, name, entry);
}

interface FileSteps {
  /** After each piece, with its bytes. */
  readonly wrote: (count: number) => Turns<void>;
  /** When all is in it. */
  readonly finish: (file: number) => void;
}

/** Writes a new file, holes as holes. One that is not whole, or damaged, does not stay. */
function* writeFile(directory: number, name: ByteString, content: FileContent, { wrote, finish }: FileSteps): Turns<void> {
  const file = openAt(directory, name, CREATE_FILE, 0o600);
  try {
    if (content.size > 0) yield* copyContent(content, file, wrote);
    finish(file);
  } catch (error) {
    unlink(directory, name);
    throw error;
  } finally {
    closeDescriptor(file);
  }
}

function* copyContent(content: FileContent, file: number, wrote: FileSteps["wrote"]): Turns<void> {
  const reader = content.open();
  try {
    let end = 0;
    for (const { offset, length, kind } of content.extents()) {
      if (kind === "hole") continue;
      for (let position = offset; position < offset + length;) {
        const count = reader.read(PIECE.subarray(0, Math.min(PIECE.length, offset + length - position)), position);
        if (count === 0) break;
        writeAll(file, count, position);
        position += count;
        yield* wrote(count);
      }
      end = offset + length;
    }
    reader.verify();
    if (end < content.size) ftruncateSync(file, content.size);
  } finally {
    reader.close();
  }
}

/** On a full disk write(2) may take a part and report no error. */
function writeAll(file: number, length: number, position: number): void {
  for (let done = 0; done < length;) done += writeSync(file, PIECE, done, length - done, position + done);
}

function guarded(path: ByteString, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw systemFailure(`write "${treePathText(path)}"`, error, treePathText(path));
  }
}

function* guardedInTurns(path: ByteString, work: Turns<void>): Turns<void> {
  try {
    yield* work;
  } catch (error) {
    throw systemFailure(`write "${treePathText(path)}"`, error, treePathText(path));
  }
}
