import type { ByteString } from "../../core/model/byte-string.js";
import type { DirectoryEntry, FileEntry } from "../../core/model/entry.js";
import type { DirectoryDigest } from "../../core/model/ids.js";
import type { DirectoryNode, FileNode, LinkGroup, OtherNode, Tree, TreeNode } from "../../core/model/tree.js";
import { LinkGroups } from "./link-groups.js";
import { LiveContent } from "./live-content.js";
import { type LiveDirectory, openLiveDirectory, readEntry, typeOfRow } from "./live-directory.js";
import type { ScanOptions } from "./scan-directory.js";
import { GONE, WORD } from "./stat-table.js";

export interface DirectoryTreeOptions {
  /** Names in the root that are no part of the tree, such as `.varve`. */
  readonly exclude?: readonly string[];
}

export interface DirectoryTree extends Tree {
  /** Mount points below, which are not entered. A directory stands in the tree without what it holds, a file not at all. */
  readonly skippedMounts: readonly ByteString[];
}

/**
 * A live directory as a tree. Takes the stat of everything at once; xattrs, link targets and contents when they are asked for.
 * Follows no symlink and opens no FIFO or device, whatever is swapped below meanwhile.
 *
 * A file that changes between the stat and its reading fails with SOURCE_CHANGED; asked for again, it is what stands there now.
 *
 * @throws VarveError SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_CHANGED; UNSUPPORTED for a character device 0:0.
 */
export function openDirectoryTree(directory: string, options: DirectoryTreeOptions = {}): DirectoryTree {
  return treeOfLiveDirectory(openLiveDirectory(directory, options satisfies ScanOptions));
}

/** The same for one whose stats are known. Closes it. */
export function treeOfLiveDirectory(live: LiveDirectory): DirectoryTree {
  const nodes = new LiveNodes(live);
  return {
    root: nodes.directory(0),
    skippedMounts: live.skippedMounts,
    close: () => live.close(),
  };
}

/** Makes nodes of a scanned directory's rows. */
export class LiveNodes {
  readonly live: LiveDirectory;
  readonly groups: LinkGroups;

  constructor(live: LiveDirectory) {
    this.live = live;
    this.groups = new LinkGroups(live.table, "live ");
  }

  node(row: number): TreeNode {
    const type = typeOfRow(this.live.table, row);
    if (type === "directory") return this.directory(row);
    return type === "file" ? new LiveFileNode(this, row) : new LiveOtherNode(this, row);
  }

  directory(row: number): DirectoryNode {
    return new LiveDirectoryNode(this, row);
  }
}

class LiveDirectoryNode implements DirectoryNode {
  readonly #nodes: LiveNodes;
  readonly #row: number;
  #entry: DirectoryEntry | undefined;

  constructor(nodes: LiveNodes, row: number) {
    this.#nodes = nodes;
    this.#row = row;
  }

  get entry(): DirectoryEntry {
    return (this.#entry ??= readEntry(this.#nodes.live, this.#row) as DirectoryEntry);
  }

  get digest(): DirectoryDigest | undefined {
    return this.#nodes.live.table.digest(this.#row) as DirectoryDigest | undefined;
  }

  *children(): Iterable<readonly [ByteString, TreeNode]> {
    const { table } = this.#nodes.live;
    const first = table.word(this.#row, WORD.firstChild);
    const end = first + table.word(this.#row, WORD.childCount);
    for (let row = first; row < end; row++) {
      if (!table.hasFlag(row, GONE)) yield [table.names[row]!, this.#nodes.node(row)];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    const row = this.#nodes.live.table.find(this.#row, name);
    return row === undefined ? undefined : this.#nodes.node(row);
  }
}

class LiveOtherNode implements OtherNode {
  readonly #nodes: LiveNodes;
  readonly #row: number;
  #entry: OtherNode["entry"] | undefined;

  constructor(nodes: LiveNodes, row: number) {
    this.#nodes = nodes;
    this.#row = row;
  }

  get entry(): OtherNode["entry"] {
    return (this.#entry ??= readEntry(this.#nodes.live, this.#row) as OtherNode["entry"]);
  }

  get links(): LinkGroup | undefined {
    return this.#nodes.groups.of(this.#row);
  }
}

class LiveFileNode implements FileNode {
  readonly #nodes: LiveNodes;
  readonly #row: number;
  #entry: FileEntry | undefined;

  constructor(nodes: LiveNodes, row: number) {
    this.#nodes = nodes;
    this.#row = row;
  }

  get entry(): FileEntry {
    return (this.#entry ??= readEntry(this.#nodes.live, this.#row) as FileEntry);
  }

  get content(): LiveContent {
    return new LiveContent(this.#nodes.live, this.#row);
  }

  get links(): LinkGroup | undefined {
    return this.#nodes.groups.of(this.#row);
  }
}
