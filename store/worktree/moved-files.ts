import { nodeAt } from "../../core/model/paths.js";
import type { ContentDigest } from "../../core/model/ids.js";
import type { FileEntry } from "../../core/model/entry.js";
import type {
  ContentReader,
  Extent,
  FileContent,
  FileNode,
  LinkGroup,
  ReadAheadContent,
  StoredContent,
  Tree,
  TreeNode,
} from "../../core/model/tree.js";
import { GONE, type StatTable, UNTRUSTED, WORD } from "../directory/stat-table.js";
import { isSameRow } from "./compare-stats.js";
import { InodeRows } from "./inode-rows.js";

/** A larger file is read and found by its digest, unless nothing of its inode has changed. */
const SHORT_BYTES = 4096;
/** What a file keeps when it is renamed. */
const SIZE_AND_MTIME: readonly number[] = [
  WORD.size,
  WORD.size + 1,
  WORD.mtimeSeconds,
  WORD.mtimeSeconds + 1,
  WORD.mtimeNanoseconds,
];

/**
 * Finds files of a tracked directory that had another name when they were HEAD's, by their inodes: so that what was moved is not stored again.
 * With its directory a file moves unchanged, and need not even be read; one that was renamed itself has a new ctime, and is read.
 */
export class MovedFiles {
  readonly #live: StatTable;
  readonly #index: StatTable;
  readonly #head: Tree;
  #rows: InodeRows | undefined;
  /** The directory that was asked for last: what moves together comes together. */
  #last: { readonly row: number; readonly node: TreeNode | undefined } | undefined;

  /** @param live Gets the digests of what was moved unchanged. @param index Describes `head`. */
  constructor(live: StatTable, index: StatTable, head: Tree) {
    this.#live = live;
    this.#index = index;
    this.#head = head;
  }

  /** @param node Of a live file that is not what HEAD has at its path. @returns The same, with the content that HEAD has elsewhere. */
  find(row: number, node: FileNode): FileNode {
    const formerRow = this.#formerRow(row);
    if (formerRow === undefined) return node;
    const isProved = isSameRow(this.#live, row, this.#index, formerRow);
    if (!isProved && this.#live.unsigned64(row, WORD.size) >= SHORT_BYTES) return node;
    const former = this.#fileOfHead(formerRow)?.content;
    if (former?.knownDigest === undefined) return node;
    if (isProved) this.#live.setDigest(row, former.knownDigest);
    return new MovedFileNode(node, former);
  }

  /** The one name that the inode had. */
  #formerRow(row: number): number | undefined {
    const [live, index] = [this.#live, this.#index];
    if (live.word(row, WORD.nlink) !== 1 || live.unsigned64(row, WORD.size) === 0) return undefined;
    const former = (this.#rows ??= new InodeRows(index)).find(live, row);
    if (former === undefined || index.hasFlag(former, UNTRUSTED | GONE)) return undefined;
    return SIZE_AND_MTIME.every((word) => live.word(row, word) === index.word(former, word)) ? former : undefined;
  }

  #fileOfHead(row: number): FileNode | undefined {
    const parent = this.#index.word(row, WORD.parent);
    if (this.#last?.row !== parent) this.#last = { row: parent, node: nodeAt(this.#head, this.#index.path(parent)) };
    const directory = this.#last.node;
    const node = directory !== undefined && "child" in directory ? directory.child(this.#index.names[row]!) : undefined;
    return node !== undefined && "content" in node && node.links === undefined ? node : undefined;
  }
}

class MovedFileNode implements FileNode {
  readonly #node: FileNode;
  readonly #former: FileContent;

  constructor(node: FileNode, former: FileContent) {
    this.#node = node;
    this.#former = former;
  }

  get entry(): FileEntry {
    return this.#node.entry;
  }

  get content(): FileContent {
    return new MovedContent(this.#node.content, this.#former);
  }

  get links(): LinkGroup | undefined {
    return this.#node.links;
  }
}

class MovedContent implements FileContent {
  readonly #content: FileContent;
  readonly #former: FileContent;

  constructor(content: FileContent, former: FileContent) {
    this.#content = content;
    this.#former = former;
  }

  get size(): number {
    return this.#content.size;
  }

  get knownDigest(): ContentDigest | undefined {
    return this.#content.knownDigest;
  }

  /** Reads the file when its inode has changed. */
  get stored(): StoredContent | undefined {
    return this.#former.size === this.size && this.#former.knownDigest === this.digest() ? this.#former.stored : undefined;
  }

  digest(): ContentDigest {
    return this.#content.digest();
  }

  extents(): Iterable<Extent> {
    return this.#content.extents();
  }

  open(): ContentReader {
    return this.#content.open();
  }

  readAhead(): ReadAheadContent | undefined {
    return this.#content.readAhead?.();
  }
}
