import { constants } from "node:fs";
import type { ByteString } from "../../core/model/byte-string.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { hasCode } from "../../linux/errno.js";
import { addressOf } from "../../linux/native-library.js";
import { closeDescriptor, O_PATH, openNamed } from "../../linux/open-at.js";
import { STAT_WORD, STAT_WORDS, statDescriptor, statNamed } from "../../linux/stat.js";
import { openBeneath, type DirectoryOpener } from "../directory/directory-opener.js";
import type { ProvedStats } from "../directory/scan-directory.js";
import { GONE, ROW_WORDS, type StatTable, UNTRUSTED, WORD } from "../directory/stat-table.js";
import type { StatIndex } from "./stat-index-file.js";

/** So many directories are held open at once. */
const DEEPEST = 100;
/** So many names are looked at between two looks at the clock, less one: below a second even where each is a seek of a disk. */
const NAMES_AT_ONCE = 63;
/** Reads nothing of a directory: it serves as a place for names alone. */
const OPEN_PLACE = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export interface ProvedIndex extends ProvedStats {
  /** Whether every row is. */
  readonly isComplete: boolean;
}

/**
 * Takes the stat of all that an index holds and tells what is unchanged. No directory is listed: one whose own stat is unchanged
 * has the names that it had.
 *
 * @throws VarveError INTERRUPTED.
 */
export async function proveStats(opener: DirectoryOpener, index: StatIndex): Promise<ProvedIndex> {
  const { table } = index;
  const same = new Uint8Array(table.length);
  const prover = new Prover(index, same, statDescriptor(opener.root).mountId);
  if (prover.isRoot(opener.root)) {
    same[0] = 1;
    prover.later.push({ row: 0, from: table.word(0, WORD.firstChild) });
  }
  for (let next = prover.later.pop(); next !== undefined; next = prover.later.pop()) {
    const path = table.path(next.row);
    const descriptor = path === "" ? opener.root : openUnlessGone(opener, path);
    if (descriptor === undefined) continue;
    prover.below(next.row, next.from, descriptor, 1);
    if (descriptor !== opener.root) closeDescriptor(descriptor);
    if (isTurnDue()) await yieldToSignals();
  }
  return { table, isSame: (row) => same[row] === 1, isComplete: !same.includes(0) };
}

function openUnlessGone(opener: DirectoryOpener, path: ByteString): number | undefined {
  try {
    return openBeneath(opener.root, path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return undefined;
    throw error;
  }
}

/** A directory that is unchanged itself, and the first of its children that was not looked at. */
interface Unfinished {
  readonly row: number;
  readonly from: number;
}

class Prover {
  /** What is opened anew: it stands too deep to be reached by descriptors held open, or other work had its turn. */
  readonly later: Unfinished[] = [];
  readonly #table: StatTable;
  readonly #same: Uint8Array;
  readonly #mount: number;
  readonly #starts: Uint32Array;
  /** Where the first name begins in memory. A number holds addresses exactly: user space has 47 bits, or 56 with low zeros. */
  readonly #address: number;
  #looks = 0;

  constructor({ table, nameBytes, nameStarts }: StatIndex, same: Uint8Array, mount: number) {
    this.#table = table;
    this.#same = same;
    this.#mount = mount;
    this.#starts = nameStarts;
    this.#address = Number(addressOf(nameBytes));
  }

  isRoot(descriptor: number): boolean {
    // The root's name is empty, and statx takes no empty name here; a dot stands for it.
    return statNamed(descriptor, Number(addressOf(DOT))) === 0 && this.#isSame(0);
  }

  /** Marks what is unchanged below a directory that is, from a child on. @returns Whether it ended early, since a turn is due. */
  below(row: number, from: number, descriptor: number, depth: number): boolean {
    const end = this.#table.word(row, WORD.firstChild) + this.#table.word(row, WORD.childCount);
    for (let child = from; child < end; child++) {
      if ((++this.#looks & NAMES_AT_ONCE) === 0 && isTurnDue()) return this.#leave(row, child);
      const address = this.#address + this.#starts[child]!;
      if (statNamed(descriptor, address) !== 0 || !this.#isSame(child)) continue;
      this.#same[child] = 1;
      if (this.#table.word(child, WORD.childCount) === 0) continue;
      if (this.#enter(child, descriptor, address, depth)) return this.#leave(row, child + 1);
    }
    return false;
  }

  #leave(row: number, from: number): true {
    this.later.push({ row, from });
    return true;
  }

  #enter(row: number, parent: number, address: number, depth: number): boolean {
    const from = this.#table.word(row, WORD.firstChild);
    if (depth === DEEPEST) {
      this.later.push({ row, from });
      return false;
    }
    const descriptor = openNamed(parent, address, OPEN_PLACE);
    if (descriptor < 0) return false;
    const isLeft = this.below(row, from, descriptor, depth + 1);
    closeDescriptor(descriptor);
    return isLeft;
  }

  /** Compares what `statNamed` left with a row. Written out, since it runs once an entry. */
  #isSame(row: number): boolean {
    const { words } = this.#table;
    const at = row * ROW_WORDS;
    return (
      STAT_WORDS[STAT_WORD.ctimeNanoseconds] === words[at + WORD.ctimeNanoseconds] &&
      STAT_WORDS[STAT_WORD.ctimeSeconds] === words[at + WORD.ctimeSeconds] &&
      STAT_WORDS[STAT_WORD.ctimeSeconds + 1] === words[at + WORD.ctimeSeconds + 1] &&
      STAT_WORDS[STAT_WORD.mtimeNanoseconds] === words[at + WORD.mtimeNanoseconds] &&
      STAT_WORDS[STAT_WORD.mtimeSeconds] === words[at + WORD.mtimeSeconds] &&
      STAT_WORDS[STAT_WORD.mtimeSeconds + 1] === words[at + WORD.mtimeSeconds + 1] &&
      STAT_WORDS[STAT_WORD.inode] === words[at + WORD.inode] &&
      STAT_WORDS[STAT_WORD.inode + 1] === words[at + WORD.inode + 1] &&
      STAT_WORDS[STAT_WORD.size] === words[at + WORD.size] &&
      STAT_WORDS[STAT_WORD.size + 1] === words[at + WORD.size + 1] &&
      STAT_WORDS[STAT_WORD.uid] === words[at + WORD.uid] &&
      STAT_WORDS[STAT_WORD.gid] === words[at + WORD.gid] &&
      STAT_WORDS[STAT_WORD.nlink] === words[at + WORD.nlink] &&
      STAT_WORDS[STAT_WORD.deviceMajor] === words[at + WORD.deviceMajor] &&
      STAT_WORDS[STAT_WORD.deviceMinor] === words[at + WORD.deviceMinor] &&
      // It shares its word with padding.
      (STAT_WORDS[STAT_WORD.mode]! & 0xffff) === words[at + WORD.mode] &&
      STAT_WORDS[STAT_WORD.mountId + 1]! * 0x100000000 + STAT_WORDS[STAT_WORD.mountId]! === this.#mount &&
      (words[at + WORD.flags]! & (UNTRUSTED | GONE)) === 0
    );
  }
}

/** A name for a directory itself. */
const DOT = Buffer.from(".\0");
