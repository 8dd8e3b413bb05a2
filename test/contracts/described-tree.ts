import { createHash } from "node:crypto";
import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { EntryType } from "../../core/model/entry.js";
import type { DirectoryNode, FileNode, Tree, TreeNode } from "../../core/model/tree.js";

/** One path of a tree, described without any store. All texts are bytes in latin1. */
export interface DescribedEntry {
  /** `""` is the root; no slash at the beginning or end. */
  readonly path: string;
  readonly type: EntryType;
  /** The path, described earlier, whose inode this is one more name of: all else but `type` is then ignored. */
  readonly linkTo?: string;
  /** By default 0644; directories 0755, symlinks 0777. */
  readonly mode?: number;
  /** By default the user that runs the tests. */
  readonly uid?: number;
  readonly gid?: number;
  /** By default 1,600,000,000. */
  readonly mtimeSeconds?: number;
  readonly mtimeNanoseconds?: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  /** A file's; by default empty. */
  readonly content?: DescribedContent;
  /** A symlink's. */
  readonly target?: string;
  /** A device's. */
  readonly major?: number;
  readonly minor?: number;
}

export type DescribedContent = string | Uint8Array | SparseContent;

export interface SparseContent {
  readonly size: number;
  /** Offset and bytes; what lies between is a hole. */
  readonly data: readonly (readonly [offset: number, bytes: string])[];
}

export function isSparse(content: DescribedContent): content is SparseContent {
  return typeof content === "object" && "data" in content;
}

/** All bytes of a described content, holes as zeros. */
export function contentOf(content: DescribedContent = ""): Buffer {
  if (typeof content === "string") return Buffer.from(content, "latin1");
  if (!isSparse(content)) return Buffer.from(content);
  const bytes = Buffer.alloc(content.size);
  for (const [offset, text] of content.data) bytes.write(text, offset, "latin1");
  return bytes;
}

/** The entry with every default filled in. */
export function completeEntry(entry: DescribedEntry): Required<Omit<DescribedEntry, "linkTo">> {
  const mode = { directory: 0o755, symlink: 0o777 }[entry.type as string] ?? 0o644;
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const times = { mtimeSeconds: 1_600_000_000, mtimeNanoseconds: 0 };
  return { mode, ...owner, ...times, xattrs: {}, content: "", target: "", major: 0, minor: 0, ...entry };
}

/** What `describeTree` gives for a described entry. */
export function expectedEntry(entry: DescribedEntry, all: readonly DescribedEntry[]): Record<string, unknown> {
  const source = entry.linkTo === undefined ? entry : all.find(({ path }) => path === entry.linkTo);
  const full = completeEntry(source ?? entry);
  const leader = entry.linkTo ?? entry.path;
  const links = all.filter(({ path, linkTo }) => path === leader || linkTo === leader).sort(byWalk);
  const bytes = full.type === "file" ? contentOf(full.content) : undefined;
  const permissions = full.type === "symlink" ? {} : { mode: full.mode };
  return {
    path: entry.path,
    type: full.type,
    ...permissions,
    uid: full.uid,
    gid: full.gid,
    mtime: `${full.mtimeSeconds} ${full.mtimeNanoseconds}`,
    xattrs: Object.entries(full.xattrs).sort(([a], [b]) => (a < b ? -1 : 1)),
    ...(bytes && { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }),
    ...(full.type === "symlink" && { target: full.target }),
    ...((full.type === "character" || full.type === "block") && { device: `${full.major}:${full.minor}` }),
    links: links.length > 1 ? links.map(({ path }) => path) : [],
  };
}

/** Everything that a tree says, in walk order, as plain values. */
export function describeTree(tree: Tree): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  const visit = (path: ByteString, node: TreeNode): void => {
    found.push(describeNode(path, node));
    if (!isDirectory(node)) return;
    for (const [name, child] of node.children()) visit(joinPath(path, name), child);
  };
  visit("" as ByteString, tree.root);
  return found;
}

function describeNode(path: ByteString, node: TreeNode): Record<string, unknown> {
  const { entry } = node;
  return {
    path,
    type: entry.type,
    ...(entry.type !== "symlink" && { mode: entry.mode }),
    uid: entry.uid,
    gid: entry.gid,
    mtime: `${entry.mtimeSeconds} ${entry.mtimeNanoseconds}`,
    xattrs: entry.xattrs.map(({ name, value }) => [name, Buffer.from(value).toString("latin1")]),
    ...(isFile(node) && { size: node.entry.size, sha256: sha256Of(node) }),
    ...(entry.type === "symlink" && { target: entry.target }),
    ...((entry.type === "character" || entry.type === "block") && { device: `${entry.major}:${entry.minor}` }),
    links: ("links" in node && node.links?.paths()) || [],
  };
}

/** Reads the content itself, not what the tree says of it. */
function sha256Of({ content }: FileNode): string {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(1 << 16);
  const reader = content.open();
  try {
    for (let position = 0; ;) {
      const count = reader.read(buffer, position);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      position += count;
    }
    reader.verify();
  } finally {
    reader.close();
  }
  return hash.digest("hex");
}

function isDirectory(node: TreeNode): node is DirectoryNode {
  return node.entry.type === "directory";
}

function isFile(node: TreeNode): node is FileNode {
  return node.entry.type === "file";
}

/** Depth first, names in byte order: a slash counts as lower than any byte of a name. */
export function byWalk(a: { path: string }, b: { path: string }): number {
  const [x, y] = [a.path.replaceAll("/", "\0"), b.path.replaceAll("/", "\0")];
  return x < y ? -1 : x > y ? 1 : 0;
}
