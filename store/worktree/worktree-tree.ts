import { sameMetadata } from "../../core/model/compare-entries.js";
import type { ByteString } from "../../core/model/byte-string.js";
import type { DirectoryEntry } from "../../core/model/entry.js";
import type { DirectoryDigest } from "../../core/model/ids.js";
import type { DirectoryNode, TreeNode } from "../../core/model/tree.js";
import { LiveNodes } from "../directory/directory-tree.js";
import { type LiveDirectory, readEntry, typeOfRow } from "../directory/live-directory.js";
import { GONE, WORD } from "../directory/stat-table.js";
import type { Unchanged } from "./compare-stats.js";
import type { MovedFiles } from "./moved-files.js";

/** Nodes of a scanned directory, with HEAD's own nodes wherever an index proves that the directory still equals it. */
export class WorktreeNodes {
  readonly live: LiveDirectory;
  readonly unchanged: Unchanged;
  readonly #nodes: LiveNodes;
  readonly #moved: MovedFiles | undefined;

  constructor(live: LiveDirectory, unchanged: Unchanged, moved: MovedFiles | undefined) {
    this.live = live;
    this.unchanged = unchanged;
    this.#moved = moved;
    this.#nodes = new LiveNodes(live);
  }

  root(head: DirectoryNode): DirectoryNode {
    return this.#node(0, head) as DirectoryNode;
  }

  /** @param head The node of the same path in HEAD; where something is unchanged, it is that. */
  node(row: number, head: TreeNode | undefined): TreeNode | undefined {
    return this.#nodes.standing(row, () => this.#node(row, head));
  }

  #node(row: number, head: TreeNode | undefined): TreeNode {
    const type = typeOfRow(this.live.table, row);
    const isUnchanged = this.unchanged.self(row) && (type !== "directory" || this.unchanged.below(row));
    if (isUnchanged && head !== undefined) return head;
    if (type !== "directory") return this.#nodes.node(row, type === "file" ? this.#moved?.find(row) : undefined);
    return new WorktreeDirectory(this, row, head !== undefined && "children" in head ? head : undefined);
  }
}

/** A directory of which something has changed, or may have. */
class WorktreeDirectory implements DirectoryNode {
  readonly #nodes: WorktreeNodes;
  readonly #row: number;
  readonly #head: DirectoryNode | undefined;
  #entry: DirectoryEntry | undefined;

  constructor(nodes: WorktreeNodes, row: number, head: DirectoryNode | undefined) {
    this.#nodes = nodes;
    this.#row = row;
    this.#head = head;
  }

  get entry(): DirectoryEntry {
    if (this.#head !== undefined && this.#nodes.unchanged.self(this.#row)) return this.#head.entry;
    return (this.#entry ??= this.#readEntry());
  }

  /** Where nothing but the time moved, because a name came or went that is ignored, the directory counts as it was. */
  #readEntry(): DirectoryEntry {
    const entry = readEntry(this.#nodes.live, this.#row) as DirectoryEntry;
    const head = this.#head?.entry;
    if (head === undefined || !this.#hasIgnored()) return entry;
    const { mtimeSeconds, mtimeNanoseconds } = head;
    return sameMetadata({ ...entry, mtimeSeconds, mtimeNanoseconds }, head) && this.#hasSameNames() ? head : entry;
  }

  #hasIgnored(): boolean {
    return this.#nodes.live.table.ignored(this.#row) > 0 || this.#nodes.unchanged.hadIgnored(this.#row);
  }

  #hasSameNames(): boolean {
    const { table } = this.#nodes.live;
    const first = table.word(this.#row, WORD.firstChild);
    const end = first + table.word(this.#row, WORD.childCount);
    let row = first;
    for (const [name] of this.#head?.children() ?? []) {
      while (row < end && table.hasFlag(row, GONE)) row++;
      if (row === end || table.names[row++] !== name) return false;
    }
    while (row < end && table.hasFlag(row, GONE)) row++;
    return row === end;
  }

  /** Where only this directory's own metadata changed, the tree's directory stands for all below. */
  get #same(): DirectoryNode | undefined {
    return this.#nodes.unchanged.below(this.#row) ? this.#head : undefined;
  }

  get digest(): DirectoryDigest | undefined {
    return this.#same?.digest ?? (this.#nodes.live.table.digest(this.#row) as DirectoryDigest | undefined);
  }

  children(): Iterable<readonly [ByteString, TreeNode]> {
    return this.#same?.children() ?? this.#mixedChildren();
  }

  *#mixedChildren(): Iterable<readonly [ByteString, TreeNode]> {
    const { table } = this.#nodes.live;
    const head = this.#head?.children()[Symbol.iterator]();
    let other = head?.next();
    const first = table.word(this.#row, WORD.firstChild);
    const end = first + table.word(this.#row, WORD.childCount);
    for (let row = first; row < end; row++) {
      const name = table.names[row]!;
      while (other !== undefined && !other.done && other.value[0] < name) other = head!.next();
      const same = other !== undefined && !other.done && other.value[0] === name ? other.value[1] : undefined;
      const node = this.#nodes.node(row, same);
      if (node !== undefined) yield [name, node];
    }
  }

  child(name: ByteString): TreeNode | undefined {
    if (this.#same !== undefined) return this.#same.child(name);
    const row = this.#nodes.live.table.find(this.#row, name);
    if (row === undefined) return undefined;
    this.#nodes.live.refresh(row);
    return this.#nodes.node(row, this.#head?.child(name));
  }
}
