import { constants } from "node:fs";
import type { ByteString } from "../../core/model/byte-string.js";
import { hasCode } from "../../linux/errno.js";
import { addressOf } from "../../linux/native-library.js";
import { closeDescriptor, O_PATH } from "../../linux/open-at.js";
import { STAT_WORD, STAT_WORDS, statNamed } from "../../linux/stat.js";
import { openBeneath } from "../directory/directory-opener.js";
import { GONE, ROW_WORDS, UNTRUSTED, WORD } from "../directory/stat-table.js";

/** Reads nothing of a directory: it serves as a place for names alone. */
const OPEN_PLACE = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** So many names of one directory are a piece: below a second even where each is a seek of a disk. */
export const NAMES_IN_PIECE = 64;

/** Where in `progress` the next piece to take stands, how many are finished, and how many rows have changed. */
export const NEXT = 0;
export const FINISHED = 1;
const CHANGED = 2;
/** The part of the rows that may have changed before nothing more is proved: each must be looked at again then. */
const HOPELESS = 1 / 8;

/** A pass over an index. All but the numbers is memory that threads share. */
export interface SharedPass {
  /** Rows of a StatTable. */
  readonly words: Uint32Array;
  /** The names in the order of the rows, each with a NUL behind it, and where each begins. */
  readonly nameBytes: Uint8Array;
  readonly nameStarts: Uint32Array;
  /** The first row of each piece: children of one directory, from there to its last, at most NAMES_IN_PIECE. */
  readonly pieces: Uint32Array;
  /** Which pieces are finished. */
  readonly done: Uint8Array;
  readonly progress: Int32Array;
  /** A row that is as the index has it gets 1. */
  readonly same: Uint8Array;
  /** The directory's descriptor, which all threads of a process share. */
  readonly root: number;
  readonly mount: number;
}

/** Takes the stat of an index's rows, piece by piece, as one of any number of threads. */
export class RowProver {
  readonly #pass: SharedPass;
  readonly #names: Buffer;
  /** Where the first name begins in memory. A number holds addresses exactly: user space has 47 bits, or 56 with low zeros. */
  readonly #address: number;
  #directory = -1;
  #descriptor = -1;

  constructor(pass: SharedPass) {
    this.#pass = pass;
    const { buffer, byteOffset, length } = pass.nameBytes;
    this.#names = Buffer.from(buffer, byteOffset, length);
    this.#address = Number(addressOf(this.#names));
  }

  /** Whether the directory itself is as the index has it. */
  isRootSame(): boolean {
    // The root's name is empty, and statx takes no empty name here; a dot stands for it.
    return statNamed(this.#pass.root, Number(addressOf(DOT))) === 0 && this.#isSame(0);
  }

  /** Takes pieces until none is left, the rest is not worth while, or it is told to stop. @returns Whether it is done. */
  work(isToStop: () => boolean): boolean {
    const { pieces, progress } = this.#pass;
    try {
      while (!isToStop()) {
        const piece = Atomics.add(progress, NEXT, 1);
        if (piece >= pieces.length || isHopeless(this.#pass)) return true;
        this.prove(piece);
      }
      return false;
    } finally {
      this.#leave();
    }
  }

  /** May be repeated, by any thread. */
  prove(piece: number): void {
    const { words, nameStarts, pieces, same, done, progress } = this.#pass;
    const first = pieces[piece]!;
    const directory = words[first * ROW_WORDS + WORD.parent]!;
    const at = directory * ROW_WORDS;
    const end = Math.min(words[at + WORD.firstChild]! + words[at + WORD.childCount]!, first + NAMES_IN_PIECE);
    let unchanged = 0;
    for (let row = first; row < end && this.#enter(directory); row++) {
      if (statNamed(this.#descriptor, this.#address + nameStarts[row]!) !== 0 || !this.#isSame(row)) continue;
      same[row] = 1;
      unchanged += 1;
    }
    if (unchanged < end - first) Atomics.add(progress, CHANGED, end - first - unchanged);
    if (Atomics.exchange(done, piece, 1) === 1) return;
    Atomics.add(progress, FINISHED, 1);
    Atomics.notify(progress, FINISHED);
  }

  /** @returns Whether the directory is there: where a link or nothing has taken its place, nothing in it is the same. */
  #enter(directory: number): boolean {
    if (directory === this.#directory) return this.#descriptor >= 0;
    this.#leave();
    this.#directory = directory;
    if (directory === 0) this.#descriptor = this.#pass.root;
    else this.#descriptor = openUnlessGone(this.#pass.root, this.#path(directory));
    return this.#descriptor >= 0;
  }

  #leave(): void {
    if (this.#descriptor >= 0 && this.#descriptor !== this.#pass.root) closeDescriptor(this.#descriptor);
    this.#directory = this.#descriptor = -1;
  }

  #path(row: number): ByteString {
    const { words, nameStarts } = this.#pass;
    let path = "";
    for (let at = row; at !== 0; at = words[at * ROW_WORDS + WORD.parent]!) {
      const name = this.#names.toString("latin1", nameStarts[at], nameStarts[at + 1]! - 1);
      path = path === "" ? name : `${name}/${path}`;
    }
    return path as ByteString;
  }

  /** Compares what `statNamed` left with a row. Written out, since it runs once an entry. */
  #isSame(row: number): boolean {
    const { words, mount } = this.#pass;
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
      STAT_WORDS[STAT_WORD.mountId + 1]! * 0x100000000 + STAT_WORDS[STAT_WORD.mountId]! === mount &&
      (words[at + WORD.flags]! & (UNTRUSTED | GONE)) === 0
    );
  }
}

/** Whether so much has changed that the rest is better left to a scan. */
export function isHopeless({ progress, same }: SharedPass): boolean {
  return Atomics.load(progress, CHANGED) > Math.max(NAMES_IN_PIECE, same.length * HOPELESS);
}

/** @returns A descriptor, or -1 where no directory is there any more. */
function openUnlessGone(root: number, path: ByteString): number {
  try {
    return openBeneath(root, path, OPEN_PLACE);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return -1;
    throw error;
  }
}

/** A name for a directory itself. */
const DOT = Buffer.from(".\0");
