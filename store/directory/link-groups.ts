import type { ByteString } from "../../core/model/byte-string.js";
import type { LinkGroup } from "../../core/model/tree.js";
import { S_IFDIR, S_IFMT } from "../../linux/stat.js";
import { GONE, type StatTable, WORD } from "./stat-table.js";

/** Depth first, names in byte order: a slash counts less than any byte of a name. */
export function inWalkOrder(paths: readonly ByteString[]): readonly ByteString[] {
  const keys = paths.map((path) => path.replaceAll("/", "\0"));
  return keys.sort().map((key) => key.replaceAll("\0", "/") as ByteString);
}

/** The hardlink groups of a scanned directory: inodes with two names or more within it. */
export class LinkGroups {
  readonly #table: StatTable;
  readonly #prefix: string;
  #rows: Map<string, number[]> | undefined;
  readonly #groups = new Map<string, LinkGroup | undefined>();

  /** @param prefix Keeps the keys apart from another tree's, where nodes of both stand in one. */
  constructor(table: StatTable, prefix: string) {
    this.#table = table;
    this.#prefix = prefix;
  }

  /** @returns `undefined` when the row is its inode's only name here. */
  of(row: number): LinkGroup | undefined {
    if (this.#table.word(row, WORD.nlink) < 2) return undefined;
    const inode = this.#table.inodeKey(row);
    if (!this.#groups.has(inode)) this.#groups.set(inode, this.#make(inode));
    return this.#groups.get(inode);
  }

  #make(inode: string): LinkGroup | undefined {
    const rows = this.rows().get(inode) ?? [];
    if (rows.length < 2) return undefined;
    let paths: readonly ByteString[] | undefined;
    return {
      key: `${this.#prefix}${inode}`,
      paths: () => (paths ??= inWalkOrder(rows.map((row) => this.#table.path(row)))),
    };
  }

  /** Rows of one inode, by inode, of those that have more names than one anywhere. */
  rows(): ReadonlyMap<string, readonly number[]> {
    return (this.#rows ??= rowsByInode(this.#table));
  }
}

function rowsByInode(table: StatTable): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (let row = 1; row < table.length; row++) {
    if (table.word(row, WORD.nlink) < 2 || (table.word(row, WORD.mode) & S_IFMT) === S_IFDIR) continue;
    if (table.hasFlag(row, GONE)) continue;
    const inode = table.inodeKey(row);
    const rows = found.get(inode);
    if (rows === undefined) found.set(inode, [row]);
    else rows.push(row);
  }
  return found;
}
