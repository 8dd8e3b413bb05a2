import { S_IFDIR, S_IFMT } from "../../linux/stat.js";
import { GONE, ROW_WORDS, type StatTable, UNTRUSTED, WORD } from "../directory/stat-table.js";

/** The row itself is what the index saw: its metadata, and what a file holds. */
const SELF = 1;
/** All below a directory is, names included. */
const BELOW = 2;

/** The words that prove an inode unchanged: mode to nlink. Device numbers may change with a reboot. */
const FIRST_WORD: number = WORD.mode;
const LAST_WORD: number = WORD.nlink;

/** What an index proves of a directory that was scanned just now, row by row. */
export interface Unchanged {
  /** The row itself. */
  self(row: number): boolean;
  /** All below a directory. */
  below(row: number): boolean;
  /** Whether names in a directory were left out then. */
  hadIgnored(row: number): boolean;
}

export const ALL_UNCHANGED: Unchanged = { self: () => true, below: () => true, hadIgnored: () => false };
export const NONE_UNCHANGED: Unchanged = { self: () => false, below: () => false, hadIgnored: () => false };

/** Compares each row with the index's of the same path, and takes over the digests of what is unchanged. */
export function compareStats(live: StatTable, index: StatTable): Unchanged {
  const flags = new Uint8Array(live.length);
  /** The index's row of the same path, plus 1. */
  const pairs = new Uint32Array(live.length);
  const brokenInodes = new Set<string>();
  pairs[0] = 1;
  for (let row = 0; row < live.length; row++) {
    if (isDirectory(live, row)) flags[row]! |= BELOW;
    if (pairs[row] !== 0 && isSameRow(live, row, index, pairs[row]! - 1)) flags[row]! |= SELF;
    if (isDirectory(live, row)) pairChildren(live, row, index, pairs, flags, brokenInodes);
  }
  spoilLinks(live, flags, brokenInodes);
  gatherUp(live, flags);
  for (let row = 0; row < live.length; row++) {
    const wanted = isDirectory(live, row) ? BELOW : SELF;
    if (pairs[row] !== 0 && (flags[row]! & wanted) !== 0) live.copyDigest(row, index, pairs[row]! - 1);
  }
  return {
    self: (row) => (flags[row]! & SELF) !== 0,
    below: (row) => (flags[row]! & BELOW) !== 0,
    hadIgnored: (row) => pairs[row] !== 0 && index.ignored(pairs[row]! - 1) > 0,
  };
}

function isDirectory(table: StatTable, row: number): boolean {
  return (table.words[row * ROW_WORDS + WORD.mode]! & S_IFMT) === S_IFDIR;
}

/** Whether nothing of an inode has changed since an index was written. */
export function isSameRow(live: StatTable, row: number, index: StatTable, indexRow: number): boolean {
  if (index.hasFlag(indexRow, UNTRUSTED | GONE) || live.hasFlag(row, GONE)) return false;
  const [a, b] = [live.words, index.words];
  const [at, indexAt] = [row * ROW_WORDS, indexRow * ROW_WORDS];
  for (let word = FIRST_WORD; word <= LAST_WORD; word++) {
    if (a[at + word] !== b[indexAt + word]) return false;
  }
  return true;
}

/** Pairs the children of a directory with the index's by name; a name that only one side has spoils BELOW. */
function pairChildren(
  live: StatTable,
  directory: number,
  index: StatTable,
  pairs: Uint32Array,
  flags: Uint8Array,
  brokenInodes: Set<string>,
): void {
  const pair = pairs[directory]!;
  let row = live.word(directory, WORD.firstChild);
  const end = row + live.word(directory, WORD.childCount);
  let other = pair === 0 ? 0 : index.word(pair - 1, WORD.firstChild);
  const otherEnd = pair === 0 ? 0 : other + index.word(pair - 1, WORD.childCount);
  while (row < end || other < otherEnd) {
    const name = live.names[row]!;
    if (row < end && other < otherEnd && name === index.names[other]) {
      pairs[row++] = ++other;
      continue;
    }
    flags[directory]! &= ~BELOW;
    if (row < end && (other === otherEnd || name < index.names[other]!)) row++;
    else noteMissing(index, other++, brokenInodes);
  }
}

/** A name that is gone takes its hardlink group's other names with it, since their links are others now. */
function noteMissing(index: StatTable, row: number, brokenInodes: Set<string>): void {
  if (!isDirectory(index, row)) {
    if (index.word(row, WORD.nlink) > 1) brokenInodes.add(inodeOf(index, row));
    return;
  }
  const first = index.word(row, WORD.firstChild);
  for (let child = first; child < first + index.word(row, WORD.childCount); child++) noteMissing(index, child, brokenInodes);
}

function inodeOf(table: StatTable, row: number): string {
  return `${table.word(row, WORD.inode + 1)}:${table.word(row, WORD.inode)}`;
}

/** When one name of an inode is not proved unchanged, none is. */
function spoilLinks(live: StatTable, flags: Uint8Array, brokenInodes: Set<string>): void {
  const linked: number[] = [];
  for (let row = 0; row < live.length; row++) {
    if (live.words[row * ROW_WORDS + WORD.nlink]! < 2 || isDirectory(live, row)) continue;
    linked.push(row);
    if ((flags[row]! & SELF) === 0) brokenInodes.add(inodeOf(live, row));
  }
  if (brokenInodes.size === 0) return;
  for (const row of linked) if (brokenInodes.has(inodeOf(live, row))) flags[row]! &= ~SELF;
}

/** A directory is unchanged below when all its children are themselves and below. Children's rows follow their parent's. */
function gatherUp(live: StatTable, flags: Uint8Array): void {
  for (let row = live.length - 1; row > 0; row--) {
    const wanted = isDirectory(live, row) ? SELF | BELOW : SELF;
    if ((flags[row]! & wanted) !== wanted) flags[live.words[row * ROW_WORDS + WORD.parent]!]! &= ~BELOW;
  }
}
