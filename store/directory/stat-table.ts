import type { ByteString } from "../../core/model/byte-string.js";
import { type FileStat, S_IFDIR, S_IFMT } from "../../linux/stat.js";

/** Words of 32 bits in a row. The stat index is an image of these rows: docs/on-disk-format.md, "Stat index". */
export const ROW_WORDS = 22;

/** Where in a row each value stands. 64-bit values take two words, the low one first. */
export const WORD = {
  parent: 0,
  firstChild: 1,
  childCount: 2,
  flags: 3,
  mode: 4,
  uid: 5,
  gid: 6,
  size: 7,
  mtimeSeconds: 9,
  mtimeNanoseconds: 11,
  ctimeSeconds: 12,
  ctimeNanoseconds: 14,
  inode: 15,
  nlink: 17,
  rdevMajor: 18,
  rdevMinor: 19,
  deviceMajor: 20,
  deviceMinor: 21,
} as const;

/** `digest` holds this row's digest: a file's content, or all below a directory. */
export const DIGEST_KNOWN = 1;
/** It has fewer blocks than its size needs, so it may have holes. */
export const MAY_HAVE_HOLES = 2;
/** It vanished during the scan. */
export const GONE = 4;
/** Its stat can't prove that it is unchanged. */
export const UNTRUSTED = 8;

const TWO_32 = 0x100000000;
const DIGEST_BYTES = 32;

/**
 * The stat of a whole directory tree in columns: 88 bytes an entry and its name, so that 1,000,000 entries take about 140 MB.
 * Row 0 is the root. A directory's children are consecutive rows in byte order of name, after the directory's own row.
 */
export class StatTable {
  length = 0;
  #names: ByteString[] | (() => ByteString[]) = [];
  words: Uint32Array = new Uint32Array(1024 * ROW_WORDS);
  /** 32 bytes a row, where DIGEST_KNOWN is set; made when the first is known. */
  digests: Buffer | undefined;

  get names(): ByteString[] {
    const names = this.#names;
    return typeof names === "function" ? (this.#names = names()) : names;
  }

  /** For a table of which often no name is asked. */
  setNames(names: () => ByteString[]): void {
    this.#names = names;
  }

  append(parent: number, name: ByteString, stat: FileStat): number {
    const row = this.length++;
    if (this.length * ROW_WORDS > this.words.length) this.#grow();
    this.names.push(name);
    this.words[row * ROW_WORDS + WORD.parent] = parent;
    this.set(row, stat);
    return row;
  }

  /** Appends a row as another table has it, without its digest and children. */
  appendCopy(parent: number, from: StatTable, fromRow: number): number {
    const row = this.length++;
    if (this.length * ROW_WORDS > this.words.length) this.#grow();
    this.names.push(from.names[fromRow]!);
    const at = row * ROW_WORDS;
    const fromAt = fromRow * ROW_WORDS;
    for (let word = 0; word < ROW_WORDS; word++) this.words[at + word] = from.words[fromAt + word]!;
    this.words[at + WORD.parent] = parent;
    this.words[at + WORD.firstChild] = 0;
    this.words[at + WORD.childCount] = 0;
    this.words[at + WORD.flags] = from.words[fromAt + WORD.flags]! & MAY_HAVE_HOLES;
    return row;
  }

  /** Room for that many rows at once. */
  reserve(rows: number): void {
    if (rows * ROW_WORDS <= this.words.length) return;
    const larger = new Uint32Array(rows * ROW_WORDS);
    larger.set(this.words);
    this.words = larger;
  }

  #grow(): void {
    const larger = new Uint32Array(this.words.length * 2);
    larger.set(this.words);
    this.words = larger;
  }

  isInode(row: number, stat: FileStat): boolean {
    return (
      this.word(row, WORD.inode) === stat.inodeLow &&
      this.word(row, WORD.inode + 1) === stat.inodeHigh &&
      this.word(row, WORD.deviceMinor) === stat.deviceMinor &&
      this.word(row, WORD.deviceMajor) === stat.deviceMajor
    );
  }

  /** Writes a stat into a row and all others of the same inode. */
  setInode(row: number, stat: FileStat): void {
    const hadOthers = this.word(row, WORD.nlink) > 1;
    this.set(row, stat);
    if (!hadOthers) return;
    for (let other = 1; other < this.length; other++) if (other !== row && this.isInode(other, stat)) this.set(other, stat);
  }

  /** Writes a stat into a row; its children stay, its digest does not. */
  set(row: number, stat: FileStat): void {
    const { words } = this;
    const at = row * ROW_WORDS;
    words[at + WORD.flags] = stat.blocks * 512 < stat.size ? MAY_HAVE_HOLES : 0;
    words[at + WORD.mode] = stat.mode;
    words[at + WORD.uid] = stat.uid;
    words[at + WORD.gid] = stat.gid;
    words[at + WORD.size] = stat.size >>> 0;
    words[at + WORD.size + 1] = Math.floor(stat.size / TWO_32);
    words[at + WORD.mtimeSeconds] = stat.mtimeSeconds >>> 0;
    words[at + WORD.mtimeSeconds + 1] = Math.floor(stat.mtimeSeconds / TWO_32);
    words[at + WORD.mtimeNanoseconds] = stat.mtimeNanoseconds;
    words[at + WORD.ctimeSeconds] = stat.ctimeSeconds >>> 0;
    words[at + WORD.ctimeSeconds + 1] = Math.floor(stat.ctimeSeconds / TWO_32);
    words[at + WORD.ctimeNanoseconds] = stat.ctimeNanoseconds;
    words[at + WORD.inode] = stat.inodeLow;
    words[at + WORD.inode + 1] = stat.inodeHigh;
    words[at + WORD.nlink] = stat.nlink;
    words[at + WORD.rdevMajor] = stat.rdevMajor;
    words[at + WORD.rdevMinor] = stat.rdevMinor;
    words[at + WORD.deviceMajor] = stat.deviceMajor;
    words[at + WORD.deviceMinor] = stat.deviceMinor;
  }

  word(row: number, word: number): number {
    return this.words[row * ROW_WORDS + word]!;
  }

  setWord(row: number, word: number, value: number): void {
    this.words[row * ROW_WORDS + word] = value;
  }

  /** A size. */
  unsigned64(row: number, word: number): number {
    return this.word(row, word + 1) * TWO_32 + this.word(row, word);
  }

  /** Seconds since 1970, which may be negative. */
  signed64(row: number, word: number): number {
    return (this.word(row, word + 1) | 0) * TWO_32 + this.word(row, word);
  }

  /** How many names in a directory are left out by ignore rules: in the word that other rows have for a device's number. */
  ignored(row: number): number {
    return (this.word(row, WORD.mode) & S_IFMT) === S_IFDIR ? this.word(row, WORD.rdevMajor) : 0;
  }

  ignoredInAll(): number {
    let sum = 0;
    for (let row = 0; row < this.length; row++) if (!this.hasFlag(row, GONE)) sum += this.ignored(row);
    return sum;
  }

  setIgnored(row: number, count: number): void {
    this.setWord(row, WORD.rdevMajor, count);
  }

  hasFlag(row: number, flag: number): boolean {
    return (this.word(row, WORD.flags) & flag) !== 0;
  }

  addFlag(row: number, flag: number): void {
    this.words[row * ROW_WORDS + WORD.flags]! |= flag;
  }

  /** Equal for two names of one inode. */
  inodeKey(row: number): string {
    const device = `${this.word(row, WORD.deviceMajor)}:${this.word(row, WORD.deviceMinor)}`;
    return `${device}:${this.word(row, WORD.inode + 1)}:${this.word(row, WORD.inode)}`;
  }

  /** Whether the inode is the same and nothing of it has changed since. */
  isUnchanged(row: number, stat: FileStat): boolean {
    const at = row * ROW_WORDS;
    const { words } = this;
    return (
      words[at + WORD.inode] === stat.inodeLow &&
      words[at + WORD.inode + 1] === stat.inodeHigh &&
      words[at + WORD.deviceMinor] === stat.deviceMinor &&
      words[at + WORD.deviceMajor] === stat.deviceMajor &&
      words[at + WORD.ctimeNanoseconds] === stat.ctimeNanoseconds &&
      words[at + WORD.ctimeSeconds] === stat.ctimeSeconds >>> 0 &&
      words[at + WORD.mtimeNanoseconds] === stat.mtimeNanoseconds &&
      words[at + WORD.mtimeSeconds] === stat.mtimeSeconds >>> 0 &&
      words[at + WORD.mode] === stat.mode &&
      this.unsigned64(row, WORD.size) === stat.size
    );
  }

  digest(row: number): string | undefined {
    if (!this.hasFlag(row, DIGEST_KNOWN)) return undefined;
    return this.digests!.toString("hex", row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES);
  }

  /** @param digest 64 hex digits. */
  setDigest(row: number, digest: string): void {
    this.#digestRoom().write(digest, row * DIGEST_BYTES, "hex");
    this.addFlag(row, DIGEST_KNOWN);
  }

  /** Takes over another table's digest. */
  copyDigest(row: number, from: StatTable, fromRow: number): void {
    if (!from.hasFlag(fromRow, DIGEST_KNOWN)) return;
    this.#digestRoom().set(from.digests!.subarray(fromRow * DIGEST_BYTES, (fromRow + 1) * DIGEST_BYTES), row * DIGEST_BYTES);
    this.addFlag(row, DIGEST_KNOWN);
  }

  #digestRoom(): Buffer {
    const wanted = this.length * DIGEST_BYTES;
    if (this.digests === undefined || this.digests.length < wanted) {
      const larger = Buffer.alloc(wanted);
      this.digests?.copy(larger);
      this.digests = larger;
    }
    return this.digests;
  }

  /** The row of a directory's child, by bisection. */
  find(directory: number, name: ByteString): number | undefined {
    let low = this.word(directory, WORD.firstChild);
    let high = low + this.word(directory, WORD.childCount);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.names[middle]!;
      if (found === name) return this.hasFlag(middle, GONE) ? undefined : middle;
      if (found < name) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  /** From the root, without slashes at its ends. */
  path(row: number): ByteString {
    let path = "";
    for (let at = row; at !== 0; at = this.word(at, WORD.parent)) {
      path = path === "" ? this.names[at]! : `${this.names[at]}/${path}`;
    }
    return path as ByteString;
  }
}
