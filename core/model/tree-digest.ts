import { createHash } from "node:crypto";
import { bufferOf, type ByteString } from "./byte-string.js";
import type { Entry, Metadata } from "./entry.js";
import type { ContentDigest, DirectoryDigest, TreeId } from "./ids.js";
import type { LinkGroup } from "./tree.js";

const TYPE_LETTER: Readonly<Record<Entry["type"], string>> = {
  file: "f",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  character: "c",
  block: "b",
};

/** What a directory's digest says of one child, besides its name and entry. */
export interface ChildContent {
  /** A file's. */
  readonly content?: ContentDigest | undefined;
  /** A directory's. */
  readonly below?: DirectoryDigest | undefined;
  /** For an inode with more names than one: what `linkGroupDigest` gives. */
  readonly group?: string | undefined;
}

/**
 * Covers every name of an inode, so that a directory's digest changes when a hardlink group changes anywhere: 64 hex digits.
 * Callers keep it by `LinkGroup.key`: a group of n names is met n times.
 */
export function linkGroupDigest(links: LinkGroup): string {
  const hash = createHash("sha256");
  for (const path of links.paths()) hash.update(bufferOf(`${path}\0` as ByteString));
  return hash.digest("hex");
}

/**
 * Collects a directory's children, in byte order of name, into its digest. The record of a child is
 * documented in docs/on-disk-format.md, "Tree digest".
 */
export class DirectoryDigester {
  readonly #hash = createHash("sha256");

  add(name: ByteString, entry: Entry, content: ChildContent): void {
    this.#hash.update(treeRecord(name, entry, content));
  }

  digest(): DirectoryDigest {
    return this.#hash.digest("hex") as DirectoryDigest;
  }
}

/** The digest of a whole tree: its root directory's metadata and what stands below it. */
export function treeId(root: Metadata, below: DirectoryDigest): TreeId {
  const record = treeRecord("" as ByteString, { ...root, type: "directory" }, { below });
  return createHash("sha256").update("varve tree 1\n").update(record).digest("hex") as TreeId;
}

/** Fields are separated by NUL where a value can't hold one, and lead with their length where it can: no two records are alike. */
function treeRecord(name: ByteString, entry: Entry, { content, below, group }: ChildContent): Buffer {
  const numbers = `${entry.mode} ${entry.uid} ${entry.gid} ${entry.mtimeSeconds} ${entry.mtimeNanoseconds}`;
  let text = `${name}\0${TYPE_LETTER[entry.type]} ${numbers} ${typeFields(entry)}\0${content ?? below ?? ""}\0`;
  if (group !== undefined) text += `=${group}\0`;
  for (const { name: xattr, value } of entry.xattrs) {
    text += `@${xattr}\0${value.length} ${Buffer.from(value).toString("latin1")}`;
  }
  return bufferOf(`${text}\n` as ByteString);
}

function typeFields(entry: Entry): string {
  switch (entry.type) {
    case "file":
      return String(entry.size);
    case "symlink":
      return entry.target;
    case "character":
    case "block":
      return `${entry.major}:${entry.minor}`;
    default:
      return "";
  }
}
