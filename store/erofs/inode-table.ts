import { VarveError } from "../../core/errors.js";
import { textOf, type ByteString } from "../../core/model/byte-string.js";
import type { DirectoryDigest } from "../../core/model/ids.js";
import type { Metadata } from "../../core/model/entry.js";
import { DIGEST_BYTES } from "./content-table.js";
import { grown, grownBuffer } from "./growing-arrays.js";
import { MAXIMUM_NAME_BYTES, MODE } from "./image-format.js";

const FIRST_CAPACITY = 256;
const MOST_INODES = 0xffffffff;

/** Inodes and names of the layer being written, as columns: some 100 bytes an entry, no object. */
export class InodeTable {
  count = 0;
  /** With type bits. */
  mode: Uint16Array = new Uint16Array(FIRST_CAPACITY);
  uid: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  gid: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  seconds: Float64Array = new Float64Array(FIRST_CAPACITY);
  nanoseconds: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** Directory entries that name it, `.` and `..` among them: so also a directory's link count. */
  links: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** Number of its xattr area, 0 without. */
  xattrs: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** A file's content, a symlink's target in the arena, a device's number, the row of a directory's digest. */
  payload: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** 1 for a file without content of its own: it stands in a layer below. */
  isBelow: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  /** Bytes; a directory's once it is laid out. */
  size: Float64Array = new Float64Array(FIRST_CAPACITY);

  readonly names: NameTable = new NameTable();

  directoryDigests: Buffer = Buffer.alloc(0);
  directoryDigestCount = 0;

  add(type: number, entry: Metadata, payload: number, size: number, xattrs: number): number {
    const inode = this.count;
    if (inode >= MOST_INODES)
      throw new VarveError("UNSUPPORTED", "Cannot write the layer: it has more than 4,294,967,295 inodes");
    this.#reserve(inode + 1);
    this.count += 1;
    this.mode[inode] = type | (entry.mode & 0o7777);
    this.uid[inode] = entry.uid;
    this.gid[inode] = entry.gid;
    this.seconds[inode] = entry.mtimeSeconds;
    this.nanoseconds[inode] = entry.mtimeNanoseconds;
    this.xattrs[inode] = xattrs;
    this.payload[inode] = payload;
    this.size[inode] = size;
    return inode;
  }

  addName(directory: number, name: ByteString, inode: number): void {
    this.names.add(directory, name, inode);
    this.links[inode] = (this.links[inode] as number) + 1;
  }

  isDirectory(inode: number): boolean {
    return ((this.mode[inode] as number) & MODE.mask) === MODE.directory;
  }

  setDirectoryDigest(inode: number, digest: DirectoryDigest): void {
    let row = this.payload[inode] as number;
    if (row === 0) {
      this.directoryDigestCount += 1;
      row = this.directoryDigestCount;
      this.payload[inode] = row;
      this.directoryDigests = grownBuffer(this.directoryDigests, row * DIGEST_BYTES);
    }
    this.directoryDigests.write(digest, (row - 1) * DIGEST_BYTES, DIGEST_BYTES, "hex");
  }

  #reserve(count: number): void {
    this.mode = grown(this.mode, count);
    this.uid = grown(this.uid, count);
    this.gid = grown(this.gid, count);
    this.seconds = grown(this.seconds, count);
    this.nanoseconds = grown(this.nanoseconds, count);
    this.links = grown(this.links, count);
    this.xattrs = grown(this.xattrs, count);
    this.payload = grown(this.payload, count);
    this.size = grown(this.size, count);
    this.isBelow = grown(this.isBelow, count);
  }
}

/** Directory entries in the order in which they came; `group` brings them into directories. */
export class NameTable {
  count = 0;
  directory: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  inode: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** Where a name starts in `bytes`; it ends where the next one starts. */
  start: Uint32Array = new Uint32Array(FIRST_CAPACITY + 1);
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY * 16);

  add(directory: number, name: ByteString, inode: number): void {
    const row = this.count;
    const start = this.start[row] as number;
    this.bytes = grownBuffer(this.bytes, start + name.length);
    this.directory = grown(this.directory, row + 1);
    this.inode = grown(this.inode, row + 1);
    this.start = grown(this.start, row + 2);
    this.bytes.write(name, start, "latin1");
    this.directory[row] = directory;
    this.inode[row] = inode;
    this.start[row + 1] = start + name.length;
    this.count += 1;
  }

  length(row: number): number {
    return (this.start[row + 1] as number) - (this.start[row] as number);
  }

  name(row: number): ByteString {
    return this.bytes.toString("latin1", this.start[row], this.start[row + 1]) as ByteString;
  }

  /** Byte order. */
  compare(a: number, b: number): number {
    const [startA, startB] = [this.start[a] as number, this.start[b] as number];
    const common = Math.min(this.length(a), this.length(b));
    for (let index = 0; index < common; index += 1) {
      const difference = (this.bytes[startA + index] as number) - (this.bytes[startB + index] as number);
      if (difference !== 0) return difference;
    }
    return this.length(a) - this.length(b);
  }

  /**
   * Rows by directory, each directory's in byte order of name.
   *
   * @param inodes How many inodes there are.
   * @throws RangeError when a directory has a name twice.
   */
  group(inodes: number): DirectoryRows {
    const first = new Uint32Array(inodes + 1);
    for (let row = 0; row < this.count; row += 1) {
      const next = (this.directory[row] as number) + 1;
      first[next] = (first[next] as number) + 1;
    }
    for (let inode = 0; inode < inodes; inode += 1) first[inode + 1] = (first[inode + 1] as number) + (first[inode] as number);
    const rows = new Uint32Array(this.count);
    const cursor = first.slice();
    for (let row = 0; row < this.count; row += 1) {
      const directory = this.directory[row] as number;
      const at = cursor[directory] as number;
      rows[at] = row;
      cursor[directory] = at + 1;
    }
    for (let inode = 0; inode < inodes; inode += 1) this.#sort(rows.subarray(first[inode], first[inode + 1]));
    return { first, rows };
  }

  #sort(rows: Uint32Array): void {
    if (!this.#isAscending(rows)) rows.sort((a, b) => this.compare(a, b));
    for (let index = 1; index < rows.length; index += 1) {
      if (this.compare(rows[index - 1] as number, rows[index] as number) !== 0) continue;
      throw new RangeError(`A directory of the layer has the name "${textOf(this.name(rows[index] as number))}" twice`);
    }
  }

  #isAscending(rows: Uint32Array): boolean {
    for (let index = 1; index < rows.length; index += 1) {
      if (this.compare(rows[index - 1] as number, rows[index] as number) > 0) return false;
    }
    return true;
  }
}

export interface DirectoryRows {
  /** By inode: where its rows begin in `rows`; they end where the next inode's begin. */
  readonly first: Uint32Array;
  readonly rows: Uint32Array;
}

/** @throws VarveError UNSUPPORTED for a name that no directory of Linux has. */
export function checkName(name: ByteString): void {
  const wrong = name === "" || name === "." || name === ".." || name.length > MAXIMUM_NAME_BYTES || /[/\0]/.test(name);
  if (!wrong) return;
  throw new VarveError(
    "UNSUPPORTED",
    `Cannot store the name "${textOf(name)}" in a layer: expected 1 to 255 bytes without "/" and NUL`,
  );
}
