import { bufferOf, type ByteString } from "../../core/model/byte-string.js";
import type { DirectoryRows, InodeTable } from "./inode-table.js";
import { MODE } from "./image-format.js";

/** Of one group: nid u32, number of paths u32, offset of the first path from the start of the table u64. */
export const LINK_ROW_BYTES = 16;
const LENGTH_BYTES = 4;

export interface LinkTable {
  readonly groups: number;
  readonly bytes: Buffer;
}

/**
 * The names of each inode that has more than one: rows in order of nid, then each group's paths in walk order, each led by its length (u32).
 * So the reader finds a group without a walk through the image.
 *
 * @param whiteout The inode that all whiteouts share; it is no group.
 */
export function encodeLinkTable(inodes: InodeTable, rows: DirectoryRows, nids: Uint32Array, whiteout: number): LinkTable {
  const groups = linkedInodes(inodes, whiteout);
  if (groups.size === 0) return { groups: 0, bytes: Buffer.alloc(0) };
  collectPaths(inodes, rows, groups);
  const sorted = [...groups].sort(([a], [b]) => (nids[a] as number) - (nids[b] as number));
  const head = Buffer.alloc(sorted.length * LINK_ROW_BYTES);
  const pieces: Buffer[] = [head];
  let offset = head.length;
  sorted.forEach(([inode, paths], index) => {
    const row = index * LINK_ROW_BYTES;
    head.writeUInt32LE(nids[inode] as number, row);
    head.writeUInt32LE(paths.length, row + 4);
    head.writeBigUInt64LE(BigInt(offset), row + 8);
    for (const path of paths) {
      const piece = Buffer.allocUnsafe(LENGTH_BYTES + path.length);
      piece.writeUInt32LE(path.length, 0);
      bufferOf(path).copy(piece, LENGTH_BYTES);
      pieces.push(piece);
      offset += piece.length;
    }
  });
  return { groups: sorted.length, bytes: Buffer.concat(pieces) };
}

function linkedInodes(inodes: InodeTable, whiteout: number): Map<number, ByteString[]> {
  const groups = new Map<number, ByteString[]>();
  for (let inode = 0; inode < inodes.count; inode += 1) {
    if ((inodes.links[inode] as number) > 1 && !inodes.isDirectory(inode) && inode !== whiteout) groups.set(inode, []);
  }
  return groups;
}

/** Walks depth first, names in byte order, so that each group's paths come in walk order. */
function collectPaths(inodes: InodeTable, { first, rows }: DirectoryRows, groups: Map<number, ByteString[]>): void {
  const { names } = inodes;
  const visit = [{ directory: 0, prefix: "", at: first[0] as number }];
  for (let top = visit.at(-1); top !== undefined; top = visit.at(-1)) {
    if (top.at === (first[top.directory + 1] as number)) {
      visit.pop();
      continue;
    }
    const row = rows[top.at] as number;
    top.at += 1;
    const inode = names.inode[row] as number;
    const isDirectory = ((inodes.mode[inode] as number) & MODE.mask) === MODE.directory;
    if (isDirectory) {
      const name = names.name(row);
      if (name === "." || name === "..") continue;
      visit.push({ directory: inode, prefix: `${top.prefix}${name}/`, at: first[inode] as number });
    } else {
      groups.get(inode)?.push((top.prefix + names.name(row)) as ByteString);
    }
  }
}

/**
 * @param read Gives bytes of the table from an offset on; fewer at its end.
 * @param links How many names the inode says that it has.
 * @returns The paths of the inode's group, in walk order; `undefined` when there is none or the table contradicts itself.
 */
export function findLinks(
  read: (offset: number, length: number) => Buffer,
  { groups, bytes }: { readonly groups: number; readonly bytes: number },
  { nid, links }: { readonly nid: number; readonly links: number },
): ByteString[] | undefined {
  let [low, high] = [0, groups - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const row = read(middle * LINK_ROW_BYTES, LINK_ROW_BYTES);
    const found = row.readUInt32LE(0);
    if (found === nid) {
      // Where the next group's paths start: no two groups share any, or reading them all would take the square of the table's length.
      const end = middle + 1 === groups ? bytes : startOf(read((middle + 1) * LINK_ROW_BYTES, LINK_ROW_BYTES));
      return row.readUInt32LE(4) === links ? readPaths(read, startOf(row), Math.min(end, bytes), links) : undefined;
    }
    if (found < nid) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function startOf(row: Buffer): number {
  return Number(row.readBigUInt64LE(8));
}

function readPaths(
  read: (offset: number, length: number) => Buffer,
  start: number,
  end: number,
  count: number,
): ByteString[] | undefined {
  // A path has a byte at least, so a count that the table has no room for is a lie.
  if (start + count * (LENGTH_BYTES + 1) > end) return undefined;
  const paths: ByteString[] = [];
  let position = start;
  for (let index = 0; index < count; index += 1) {
    if (position + LENGTH_BYTES > end) return undefined;
    const length = read(position, LENGTH_BYTES).readUInt32LE(0);
    if (position + LENGTH_BYTES + length > end) return undefined;
    paths.push(read(position + LENGTH_BYTES, length).toString("latin1") as ByteString);
    position += LENGTH_BYTES + length;
  }
  return position === end && paths.every(isPath) && isInWalkOrder(paths) ? paths : undefined;
}

/** Names between slashes. */
function isPath(path: ByteString): boolean {
  return !path.includes("\0") && !/(^|\/)\.{0,2}(\/|$)/.test(path);
}

/** Depth first, names in byte order, none twice. */
function isInWalkOrder(paths: readonly ByteString[]): boolean {
  const keys = paths.map((path) => path.replaceAll("/", "\0"));
  return keys.every((key, index) => index === 0 || (keys[index - 1] as string) < key);
}
