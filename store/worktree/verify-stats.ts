import type { Entry } from "../../core/model/entry.js";
import type { DirectoryNode, TreeNode } from "../../core/model/tree.js";
import { S_IFDIR, S_IFMT } from "../../linux/stat.js";
import { typeOfRow } from "../directory/live-directory.js";
import { DIGEST_KNOWN, type StatTable, UNTRUSTED, WORD } from "../directory/stat-table.js";
import type { Unchanged } from "./compare-stats.js";

/** The kernel stamps with the time of its last tick: up to 10 ms behind the clock. Half of this is reserve. */
export const TICK_MILLISECONDS = 20;
/** A filesystem that keeps whole seconds, or two. */
const COARSE_MILLISECONDS = 2000;

/**
 * Marks what may have changed after its stat was taken, unseen, since the clock stood at the same tick ("racy git").
 * @param scanned When the scan began, in milliseconds since 1970.
 */
export function distrustRecent(table: StatTable, scanned: number): void {
  for (let row = 0; row < table.length; row++) {
    const nanoseconds = table.word(row, WORD.ctimeNanoseconds);
    const changed = table.signed64(row, WORD.ctimeSeconds) * 1000 + nanoseconds / 1e6;
    const margin = nanoseconds === 0 ? COARSE_MILLISECONDS : TICK_MILLISECONDS;
    if (changed >= scanned - margin) table.addFlag(row, UNTRUSTED);
  }
}

/**
 * Takes over a tree's digests for a directory that was just made equal to it, and distrusts each row whose metadata is not the tree's.
 *
 * @param unchanged What an earlier index proves, with its digests taken over.
 */
export function adoptTree(table: StatTable, unchanged: Unchanged | undefined, root: DirectoryNode): void {
  adoptDirectory(table, 0, root, unchanged);
}

/** @returns Whether all below, names included, is the tree's. */
function adoptDirectory(table: StatTable, row: number, node: DirectoryNode, unchanged: Unchanged | undefined): boolean {
  if (unchanged?.below(row) && node.digest !== undefined && table.digest(row) === node.digest) return true;
  let isSame = true;
  let next = table.word(row, WORD.firstChild);
  const end = next + table.word(row, WORD.childCount);
  for (const [name, child] of node.children()) {
    for (; next < end && table.names[next]! < name; next++) {
      table.addFlag(next, UNTRUSTED);
      isSame = false;
    }
    if (next < end && table.names[next] === name) isSame = adoptNode(table, next++, child, unchanged) && isSame;
    else isSame = false;
  }
  for (; next < end; next++) {
    table.addFlag(next, UNTRUSTED);
    isSame = false;
  }
  if (isSame && node.digest !== undefined) table.setDigest(row, node.digest);
  return isSame;
}

function adoptNode(table: StatTable, row: number, node: TreeNode, unchanged: Unchanged | undefined): boolean {
  const agrees = agreesWith(table, row, node.entry);
  if (!agrees) table.addFlag(row, UNTRUSTED);
  if ("children" in node) {
    const isDirectory = (table.word(row, WORD.mode) & S_IFMT) === S_IFDIR;
    return isDirectory && adoptDirectory(table, row, node, unchanged) && agrees;
  }
  if (agrees && "content" in node && node.content.knownDigest !== undefined && !table.hasFlag(row, DIGEST_KNOWN)) {
    table.setDigest(row, node.content.knownDigest);
  }
  return agrees;
}

/** All that a stat can tell. */
function agreesWith(table: StatTable, row: number, entry: Entry): boolean {
  return (
    typeOfRow(table, row) === entry.type &&
    (entry.type === "symlink" || (table.word(row, WORD.mode) & 0o7777) === entry.mode) &&
    table.word(row, WORD.uid) === entry.uid &&
    table.word(row, WORD.gid) === entry.gid &&
    table.word(row, WORD.mtimeNanoseconds) === entry.mtimeNanoseconds &&
    table.signed64(row, WORD.mtimeSeconds) === entry.mtimeSeconds &&
    (entry.type !== "file" || table.unsigned64(row, WORD.size) === entry.size)
  );
}
