import { createHash } from "node:crypto";
import type { ByteString } from "../../core/model/byte-string.js";
import type { ContentDigest } from "../../core/model/ids.js";
import type { DirectoryEntry, Entry, FileEntry } from "../../core/model/entry.js";
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
import { byWalk, completeEntry, contentOf, isSparse, type DescribedEntry } from "../contracts/described-tree.js";

/** A tree in memory that holds exactly these entries: the root (`""`) first, parents before children. */
export function memoryTree(entries: readonly DescribedEntry[]): Tree {
  const nodes = new Map<string, TreeNode>();
  const children = new Map<string, [ByteString, TreeNode][]>();
  for (const entry of entries) {
    const node = nodeOf(entry, entries, () => children.get(entry.path) ?? []);
    nodes.set(entry.path, node);
    if (entry.path === "") continue;
    const [, parent = "", name] = /^(?:(.*)\/)?([^/]*)$/s.exec(entry.path) ?? [];
    children.set(parent, [...(children.get(parent) ?? []), [name as ByteString, node]]);
  }
  for (const list of children.values()) list.sort(([a], [b]) => (a < b ? -1 : 1));
  return { root: nodes.get("") as DirectoryNode, close: () => undefined };
}

function nodeOf(entry: DescribedEntry, all: readonly DescribedEntry[], children: () => [ByteString, TreeNode][]): TreeNode {
  const source = entry.linkTo === undefined ? entry : (all.find(({ path }) => path === entry.linkTo) ?? entry);
  const full = completeEntry(source);
  const links = linksOf(entry, all);
  const metadata = entryOf(full);
  if (metadata.type === "file") return { entry: metadata, content: new MemoryContent(full.content), links };
  if (metadata.type !== "directory") return { entry: metadata, links } satisfies OtherNode;
  return {
    entry: metadata satisfies DirectoryEntry,
    digest: undefined,
    children,
    child: (name) => children().find(([other]) => other === name)?.[1],
  };
}

function linksOf({ path, linkTo }: DescribedEntry, all: readonly DescribedEntry[]): LinkGroup | undefined {
  const key = linkTo ?? path;
  const group = all.filter((other) => other.path === key || other.linkTo === key).sort(byWalk);
  return group.length > 1 ? { key, paths: () => group.map((other) => other.path as ByteString) } : undefined;
}

function entryOf(full: ReturnType<typeof completeEntry>): Entry {
  const { mode, uid, gid, mtimeSeconds, mtimeNanoseconds } = full;
  const xattrs = Object.entries(full.xattrs)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name: name as ByteString, value: Buffer.from(value, "latin1") }));
  const metadata = { mode, uid, gid, mtimeSeconds, mtimeNanoseconds, xattrs };
  switch (full.type) {
    case "file":
      return { type: "file", ...metadata, size: contentOf(full.content).length } satisfies FileEntry;
    case "symlink":
      return { type: "symlink", ...metadata, target: full.target as ByteString };
    case "character":
    case "block":
      return { type: full.type, ...metadata, major: full.major, minor: full.minor };
    default:
      return { type: full.type, ...metadata };
  }
}

class MemoryContent implements FileContent {
  readonly size: number;
  readonly stored = undefined;
  readonly #bytes: Buffer;
  readonly #extents: readonly Extent[];

  constructor(content: Parameters<typeof contentOf>[0]) {
    this.#bytes = contentOf(content);
    this.size = this.#bytes.length;
    const data = content !== undefined && isSparse(content) ? content.data : [[0, this.#bytes.toString("latin1")] as const];
    this.#extents = withHoles(data, this.size);
  }

  get knownDigest(): ContentDigest {
    return this.digest();
  }

  digest(): ContentDigest {
    return createHash("sha256").update(this.#bytes).digest("hex") as ContentDigest;
  }

  extents(): readonly Extent[] {
    return this.#extents;
  }

  open(): ContentReader {
    const read = (buffer: Uint8Array, position: number): number => {
      const piece = this.#bytes.subarray(position, position + buffer.length);
      buffer.set(piece);
      return piece.length;
    };
    return { read, verify: () => undefined, close: () => undefined };
  }
}

function withHoles(data: readonly (readonly [number, string])[], size: number): Extent[] {
  const extents: Extent[] = [];
  let position = 0;
  for (const [offset, bytes] of data) {
    if (offset > position) extents.push({ offset: position, length: offset - position, kind: "hole" });
    if (bytes.length > 0) extents.push({ offset, length: bytes.length, kind: "data" });
    position = offset + bytes.length;
  }
  if (position < size) extents.push({ offset: position, length: size - position, kind: "hole" });
  return extents;
}
