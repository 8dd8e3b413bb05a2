import { hasCode } from "../../linux/errno.js";
import { addressOf } from "../../linux/native-library.js";
import { FileStat, STAT_WORD, STAT_WORDS, statDescriptor, statNamed } from "../../linux/stat.js";
import type { DirectoryOpener } from "../directory/directory-opener.js";
import type { ProvedStats } from "../directory/scan-directory.js";
import { GONE, ROW_WORDS, StatTable, UNTRUSTED, WORD } from "../directory/stat-table.js";
import type { StatIndex } from "./stat-index-file.js";

/** Which word of struct statx must equal which of a row. The mode shares its word with padding and is compared apart. */
const COMPARED: readonly (readonly [statWord: number, rowWord: number])[] = [
  [STAT_WORD.ctimeNanoseconds, WORD.ctimeNanoseconds],
  [STAT_WORD.ctimeSeconds, WORD.ctimeSeconds],
  [STAT_WORD.ctimeSeconds + 1, WORD.ctimeSeconds + 1],
  [STAT_WORD.mtimeNanoseconds, WORD.mtimeNanoseconds],
  [STAT_WORD.mtimeSeconds, WORD.mtimeSeconds],
  [STAT_WORD.mtimeSeconds + 1, WORD.mtimeSeconds + 1],
  [STAT_WORD.inode, WORD.inode],
  [STAT_WORD.inode + 1, WORD.inode + 1],
  [STAT_WORD.size, WORD.size],
  [STAT_WORD.size + 1, WORD.size + 1],
  [STAT_WORD.uid, WORD.uid],
  [STAT_WORD.gid, WORD.gid],
  [STAT_WORD.nlink, WORD.nlink],
  [STAT_WORD.deviceMajor, WORD.deviceMajor],
  [STAT_WORD.deviceMinor, WORD.deviceMinor],
];
const STAT_AT = Uint8Array.from(COMPARED, ([statWord]) => statWord);
const ROW_AT = Uint8Array.from(COMPARED, ([, rowWord]) => rowWord);

export interface ProvedIndex extends ProvedStats {
  /** Whether every row is. */
  readonly isComplete: boolean;
}

/**
 * Takes the stat of all that an index holds and tells what is unchanged. No directory is listed: one whose own stat is unchanged
 * has the names that it had.
 */
export function proveStats(opener: DirectoryOpener, index: StatIndex): ProvedIndex {
  const { table, nameBytes } = index;
  const same = new Uint8Array(table.length);
  const mount = statDescriptor(opener.root).mountId;
  const addresses = nameAddresses(nameBytes, table.length);
  const root = new StatTable();
  root.append(0, table.names[0]!, statDescriptor(opener.root, new FileStat()));
  same[0] = isTrusted(table, 0) && rootIsSame(root, table) ? 1 : 0;
  for (let row = 0; row < table.length; row++) {
    if (same[row] === 0 || table.word(row, WORD.childCount) === 0) continue;
    const descriptor = openUnlessGone(opener, table, row);
    if (descriptor === undefined) continue;
    const end = table.word(row, WORD.firstChild) + table.word(row, WORD.childCount);
    for (let child = table.word(row, WORD.firstChild); child < end; child++) {
      if (statNamed(descriptor, addresses[child]!) === 0 && isSame(table, child, mount)) same[child] = 1;
    }
  }
  return { table, isSame: (row) => same[row] === 1, isComplete: !same.includes(0) };
}

function openUnlessGone(opener: DirectoryOpener, table: StatTable, row: number): number | undefined {
  try {
    return opener.open(table.path(row));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return undefined;
    throw error;
  }
}

/** Where each name begins in memory. Numbers hold addresses exactly: user space has 47 bits, or 56. */
function nameAddresses(nameBytes: Buffer, rows: number): Float64Array {
  const addresses = new Float64Array(rows);
  const start = Number(addressOf(nameBytes));
  for (let row = 0, at = 0; row < rows; row++) {
    addresses[row] = start + at;
    at = nameBytes.indexOf(0, at) + 1;
  }
  return addresses;
}

function isTrusted(table: StatTable, row: number): boolean {
  return !table.hasFlag(row, UNTRUSTED | GONE);
}

/** Compares what `statNamed` left with a row. */
function isSame(table: StatTable, row: number, mount: number): boolean {
  const at = row * ROW_WORDS;
  const { words } = table;
  for (let index = 0; index < STAT_AT.length; index++) {
    if (STAT_WORDS[STAT_AT[index]!] !== words[at + ROW_AT[index]!]) return false;
  }
  const mountId = STAT_WORDS[STAT_WORD.mountId + 1]! * 0x100000000 + STAT_WORDS[STAT_WORD.mountId]!;
  return (STAT_WORDS[STAT_WORD.mode]! & 0xffff) === words[at + WORD.mode] && mountId === mount && isTrusted(table, row);
}

function rootIsSame(root: StatTable, table: StatTable): boolean {
  return (
    ROW_AT.every((word) => root.word(0, word) === table.word(0, word)) && root.word(0, WORD.mode) === table.word(0, WORD.mode)
  );
}
