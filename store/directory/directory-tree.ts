import { VarveError } from "../../core/errors.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { DirectoryEntry, FileEntry } from "../../core/model/entry.js";
import type { DirectoryDigest } from "../../core/model/ids.js";
import type { DirectoryNode, FileNode, LinkGroup, OtherNode, FilteredTree, TreeNode } from "../../core/model/tree.js";
import { LinkGroups } from "./link-groups.js";
import { type FormerContent, LiveContent } from "./live-content.js";
import { type LiveDirectory, openLiveDirectory, readEntry, typeOfRow } from "./live-directory.js";
import type { ScanOptions } from "./scan-directory.js";
import { sourceChanged } from "./source-failure.js";
import { GONE, WORD } from "./stat-table.js";

/** How often what stands at a name is looked at, when it is another each time. */
const ATTEMPTS = 3;

export interface DirectoryTreeOptions extends Pick<ScanOptions, "ignore"> {
  /** Names in the root that are no part of the tree, such as `.varve`. */
  readonly exclude?: readonly string[];
}

/**
 * A live directory as a tree. Takes the stat of everything at once; xattrs, link targets and contents when they are asked for.
 * Follows no symlink and opens no FIFO or device, whatever is swapped below meanwhile.
 *
 * A file that changes between the stat and its reading fails with SOURCE_CHANGED; asked for again, it is what stands there now. What
 * vanishes is not there.
 *
 * @throws VarveError SOURCE_MISSING, SOURCE_UNREADABLE, SOURCE_CHANGED; UNSUPPORTED for a character device 0:0.
 */
export function openDirectoryTree(directory: string, options: DirectoryTreeOptions = {}): FilteredTree {
  return treeOfLiveDirectory(openLiveDirectory(directory, options satisfies ScanOptions));
}

/** The same for one whose stats are known. Closes it. */
export function treeOfLiveDirectory(live: LiveDirectory): FilteredTree {
  const nodes = new LiveNodes(live);
  return {
    root: nodes.directory(0),
    get mounts() {
      return live.mounts;
    },
    ignored: live.table.ignoredInAll(),
    vanishing: () => live.vanishing(),
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

  /** @param former What is known of a file's content. */
  node(row: number, former?: FormerContent): TreeNode {
    const type = typeOfRow(this.live.table, row);
    if (type === "directory") return this.directory(row);
    return type === "file" ? new LiveFileNode(this, row, former) : new LiveOtherNode(this, row);
  }

  directory(row: number): DirectoryNode {
    return new LiveDirectoryNode(this, row);
  }

  /**
   * The node that `make` gives, with its entry read: what vanished since the scan is not there, and what was replaced is what replaced it.
   * @throws VarveError SOURCE_CHANGED when a directory replaced something else, or the other way round.
   */
  standing<Node extends TreeNode>(row: number, make: () => Node): Node | undefined {
    const { table } = this.live;
    for (let attempt = 1; !table.hasFlag(row, GONE); attempt++) {
      const node = make();
      try {
        if (node.entry.type === typeOfRow(table, row)) return node;
        if (attempt >= ATTEMPTS) throw sourceChanged(this.live.placeOf(row));
      } catch (error) {
        if (!(error instanceof VarveError) || error.code !== "SOURCE_CHANGED" || attempt >= ATTEMPTS) throw error;
        this.live.lookAgain(row);
      }
    }
    return undefined;
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
      const node = this.#nodes.standing(row, () => this.#nodes.node(row));
      if (node !== undefined) yield [table.names[row]!, node];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    const row = this.#nodes.live.table.find(this.#row, name);
    if (row === undefined) return undefined;
    this.#nodes.live.refresh(row);
    return this.#nodes.standing(row, () => this.#nodes.node(row));
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
  #former: FormerContent | undefined;
  #looks: number;
  #entry: FileEntry | undefined;

  constructor(nodes: LiveNodes, row: number, former: FormerContent | undefined) {
    this.#nodes = nodes;
    this.#row = row;
    this.#former = former;
    this.#looks = nodes.live.looks(row);
  }

  get entry(): FileEntry {
    if (this.#entry === undefined) {
      this.#entry = readEntry(this.#nodes.live, this.#row) as FileEntry;
      const looks = this.#nodes.live.looks(this.#row);
      // What was known is of another time.
      if (looks !== this.#looks) this.#former = undefined;
      this.#looks = looks;
    }
    return this.#entry;
  }

  get content(): LiveContent {
    return new LiveContent(this.#nodes.live, this.#row, this.#looks, this.#former);
  }

  get links(): LinkGroup | undefined {
    return this.#nodes.groups.of(this.#row);
  }
}
