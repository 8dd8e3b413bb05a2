import { joinPath, type ByteString } from "../../core/model/byte-string.js";
import type { DeviceEntry, DirectoryEntry, FileEntry, PipeEntry, SymlinkEntry } from "../../core/model/entry.js";
import type { ContentDigest, DirectoryDigest, LayerId } from "../../core/model/ids.js";
import type { DirectoryNode, LinkGroup, TreeNode } from "../../core/model/tree.js";
import { MemoryContent, type MemoryStored } from "./memory-content.js";

export interface MemoryLayer {
  readonly id: LayerId;
  readonly root: MemoryDirectory;
  /** Those of its files, by digest, borrowed ones among them. */
  readonly contents: ReadonlyMap<ContentDigest, MemoryStored>;
  readonly storedBytes: number;
}

export interface MemoryDirectory {
  readonly entry: DirectoryEntry;
  readonly names: Map<ByteString, MemoryInode | "whiteout">;
  digest: DirectoryDigest | undefined;
}

export interface MemoryLeaf {
  readonly entry: FileEntry | SymlinkEntry | DeviceEntry | PipeEntry;
  /** A file's. */
  readonly stored: MemoryStored | undefined;
  /** Its names in walk order, once the layer is whole. */
  paths: ByteString[];
}

export type MemoryInode = MemoryDirectory | MemoryLeaf;

export function isDirectory(inode: MemoryInode): inode is MemoryDirectory {
  return "names" in inode;
}

/** Tells each inode its names. */
export function nameInodes(root: MemoryDirectory): void {
  const visit = (directory: MemoryDirectory, path: ByteString): void => {
    for (const [name, inode] of sorted(directory.names)) {
      if (inode === "whiteout") continue;
      const below = joinPath(path, name);
      if (isDirectory(inode)) visit(inode, below);
      else inode.paths.push(below);
    }
  };
  visit(root, "" as ByteString);
}

/** What the directories of one path add up to, the newest first. */
export function mergedDirectory(stack: readonly MemoryDirectory[]): DirectoryNode {
  const [newest] = stack;
  if (newest === undefined) throw new TypeError("mergedDirectory() of nothing");
  const child = (name: ByteString): TreeNode | undefined => mergedChild(stack, name);
  const children = function* (): Generator<readonly [ByteString, TreeNode]> {
    const names = new Set(stack.flatMap((directory) => [...directory.names.keys()]));
    for (const name of [...names].sort()) {
      const node = child(name);
      if (node !== undefined) yield [name, node];
    }
  };
  return { entry: newest.entry, digest: newest.digest, child, children };
}

/** Down to the first layer that hides what is below: by anything but a directory. */
function mergedChild(stack: readonly MemoryDirectory[], name: ByteString): TreeNode | undefined {
  const directories: MemoryDirectory[] = [];
  for (const { names } of stack) {
    const inode = names.get(name);
    if (inode === undefined) continue;
    if (inode === "whiteout") break;
    if (isDirectory(inode)) directories.push(inode);
    else {
      if (directories.length === 0) return leafNode(inode);
      break;
    }
  }
  return directories.length === 0 ? undefined : mergedDirectory(directories);
}

/** Equal for the nodes of one inode, whichever call made them. */
const groups = new WeakMap<MemoryLeaf, LinkGroup>();
let groupCount = 0;

function leafNode(leaf: MemoryLeaf): TreeNode {
  const { entry, stored } = leaf;
  const links = linksOf(leaf);
  if (entry.type !== "file") return { entry, links };
  if (stored === undefined) throw new TypeError("A file without content");
  return { entry, content: new MemoryContent(stored), links };
}

function linksOf(leaf: MemoryLeaf): LinkGroup | undefined {
  if (leaf.paths.length < 2) return undefined;
  let group = groups.get(leaf);
  if (group === undefined) {
    groupCount += 1;
    group = { key: String(groupCount), paths: () => leaf.paths };
    groups.set(leaf, group);
  }
  return group;
}

function sorted<V>(map: ReadonlyMap<ByteString, V>): [ByteString, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
