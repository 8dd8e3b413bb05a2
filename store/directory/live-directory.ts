import { constants } from "node:fs";
import type { Worker } from "node:worker_threads";
import { VarveError } from "../../core/errors.js";
import { bytesOfText, type ByteString } from "../../core/model/byte-string.js";
import type { Entry, EntryType, Metadata, Xattr } from "../../core/model/entry.js";
import type { Vanishing } from "../../core/model/tree.js";
import { hasCode } from "../../linux/errno.js";
import { mountPointsBelow } from "../../linux/mount-table.js";
import { readLink } from "../../linux/make-node.js";
import { AT_FDCWD, O_CLOEXEC, openAt } from "../../linux/open-at.js";
import {
  FileStat,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  statAt,
  statDescriptor,
} from "../../linux/stat.js";
import { DirectoryOpener } from "./directory-opener.js";
import { readXattrs } from "./live-xattrs.js";
import { ReadAhead } from "./read-ahead.js";
import { type DirectoryScan, scanDirectory, scanDirectoryInTurns, type ScanOptions } from "./scan-directory.js";
import { sourceChanged, sourceFailure } from "./source-failure.js";
import type { StatTable } from "./stat-table.js";
import { GONE, WORD } from "./stat-table.js";

/** By the type bits of a mode. */
export const TYPES: Readonly<Record<number, EntryType>> = {
  [S_IFREG]: "file",
  [S_IFDIR]: "directory",
  [S_IFLNK]: "symlink",
  [S_IFIFO]: "fifo",
  [S_IFSOCK]: "socket",
  [S_IFCHR]: "character",
  [S_IFBLK]: "block",
};

/** How often what is read in several calls is read again, when it changed between them. */
const ATTEMPTS = 4;
const STAT = new FileStat();

export type XattrReader = (directory: number, name: string) => readonly Xattr[];

/** A live directory whose every stat is known, and a way to what a stat does not tell. */
export class LiveDirectory {
  readonly table: StatTable;
  /** How an entry's xattrs are shown. */
  readonly xattrs: XattrReader;
  /** Reads the files in advance, when that was asked for. */
  ahead: ReadAhead | undefined;
  readonly #opener: DirectoryOpener;
  readonly #scannedMounts: readonly ByteString[];
  #mounts: readonly ByteString[] | undefined;
  readonly #neverSeen: number;
  /** Rows of what was gone when it was read. */
  readonly #vanished = new Set<number>();
  /** How often a row was looked at again, of those that were. */
  readonly #looks = new Map<number, number>();
  #openRow = -1;
  #descriptor = -1;

  constructor(opener: DirectoryOpener, scan: DirectoryScan, xattrs: XattrReader = readXattrs) {
    this.#opener = opener;
    this.xattrs = xattrs;
    this.table = scan.table;
    this.#scannedMounts = scan.mounts;
    this.#neverSeen = scan.vanished;
  }

  /** @returns A descriptor that is valid until the next call. @throws SystemCallError when the directory is no longer there. */
  openDirectory(row: number): number {
    if (row === this.#openRow) return this.#descriptor;
    this.#openRow = -1;
    this.#descriptor = this.#opener.open(this.table.path(row));
    this.#openRow = row;
    return this.#descriptor;
  }

  /** See FilteredTree. What is proved to be unchanged was not looked at, so that the mount table is asked, too. */
  get mounts(): readonly ByteString[] {
    const listed = (): readonly ByteString[] => mountPointsBelow(this.#opener.root) as readonly ByteString[];
    return (this.#mounts ??= [...new Set([...this.#scannedMounts, ...listed()])].sort());
  }

  /** See FilteredTree. */
  vanishing(): Vanishing {
    // A directory that was removed has no name left, not even its own.
    const isGone = statDescriptor(this.#opener.root, STAT).nlink === 0;
    return { isGone, gone: this.#neverSeen + this.#vanishedRows(), seen: this.#neverSeen + this.table.length };
  }

  /** With a directory all goes that stood below it. */
  #vanishedRows(): number {
    if (this.#vanished.size === 0) return 0;
    const gone = new Uint8Array(this.table.length);
    let count = 0;
    for (let row = 0; row < gone.length; row++) {
      if (!this.#vanished.has(row) && (row === 0 || gone[this.table.word(row, WORD.parent)] === 0)) continue;
      gone[row] = 1;
      count++;
    }
    return count;
  }

  /** Where a person finds it: for failures. */
  placeOf(row: number): ByteString {
    return this.#opener.placeOf(this.table.path(row));
  }

  /** The directory that holds the row's name; for the root, the root, whose name is empty. */
  openParent(row: number): number {
    return this.openDirectory(this.table.word(row, WORD.parent));
  }

  /** The same for a row that was looked at again before: it may go on changing. */
  refresh(row: number): void {
    if (this.looks(row) > 0) this.lookAgain(row);
  }

  /** Another number after each `lookAgain`: what was read of a row before it does not belong to what is read after. */
  looks(row: number): number {
    return this.#looks.get(row) ?? 0;
  }

  /**
   * Takes the stat of a row anew, for what changed while it was read. What is no longer there is marked GONE. What is a directory now and
   * was none, or the other way round, stays as it was; so does a name that came to or left a hardlink group.
   */
  lookAgain(row: number): void {
    const { table } = this;
    this.#looks.set(row, this.looks(row) + 1);
    try {
      statAt(this.openParent(row), table.names[row]!, STAT);
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) throw sourceFailure(error, this.placeOf(row));
      table.addFlag(row, GONE);
      this.#vanished.add(row);
      return;
    }
    const wasDirectory = (table.word(row, WORD.mode) & S_IFMT) === S_IFDIR;
    if (STAT.type === S_IFDIR || wasDirectory) {
      if (STAT.type === S_IFDIR && wasDirectory && table.isInode(row, STAT)) table.set(row, STAT);
    } else if (table.isInode(row, STAT)) table.setInode(row, STAT);
    else if (table.word(row, WORD.nlink) < 2 && STAT.nlink < 2) table.set(row, STAT);
  }

  /** @param thread Reads every file, in the order of a walk, for a caller who wants them so. */
  readAheadIn(thread: Worker): void {
    this.ahead = new ReadAhead(thread, this.table, this.#opener.root);
  }

  /** May be repeated. */
  close(): void {
    this.ahead?.close();
    this.#openRow = -1;
    this.#opener.close();
  }
}

/**
 * Opens a directory and takes the stat of everything in it.
 *
 * @param directory As people write it; here alone a symlink is followed.
 * @throws VarveError SOURCE_MISSING, WRONG_TYPE, SOURCE_UNREADABLE, SOURCE_CHANGED, UNSUPPORTED.
 */
export function openLiveDirectory(directory: string, options: ScanOptions = {}, xattrs?: XattrReader): LiveDirectory {
  return scanLiveDirectory(openDirectoryRoot(directory), options, xattrs);
}

/** The same, and a signal ends it. @throws VarveError INTERRUPTED. */
export async function openLiveDirectoryInTurns(
  directory: string,
  options: ScanOptions = {},
  xattrs?: XattrReader,
): Promise<LiveDirectory> {
  return scanLiveDirectoryInTurns(openDirectoryRoot(directory), options, xattrs);
}

/** @param opener Closed with the directory, or when this fails. */
export function scanLiveDirectory(opener: DirectoryOpener, options: ScanOptions, xattrs?: XattrReader): LiveDirectory {
  try {
    return new LiveDirectory(opener, scanDirectory(opener, options), xattrs);
  } catch (error) {
    opener.close();
    throw error;
  }
}

/** The same, and a signal ends it. @throws VarveError INTERRUPTED. */
export async function scanLiveDirectoryInTurns(
  opener: DirectoryOpener,
  options: ScanOptions,
  xattrs?: XattrReader,
): Promise<LiveDirectory> {
  try {
    return new LiveDirectory(opener, await scanDirectoryInTurns(opener, options), xattrs);
  } catch (error) {
    opener.close();
    throw error;
  }
}

/** @throws VarveError SOURCE_MISSING, WRONG_TYPE, SOURCE_UNREADABLE. */
export function openDirectoryRoot(directory: string): DirectoryOpener {
  return new DirectoryOpener(openRoot(directory), bytesOfText(directory));
}

function openRoot(directory: string): number {
  const path = bytesOfText(directory);
  try {
    return openAt(AT_FDCWD, path, constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC);
  } catch (error) {
    const code = hasCode(error, "ENOENT") ? "SOURCE_MISSING" : hasCode(error, "ENOTDIR") ? "WRONG_TYPE" : undefined;
    if (code === undefined) throw sourceFailure(error, path);
    const state = code === "SOURCE_MISSING" ? "there is nothing" : "it is no directory";
    throw new VarveError(code, `Cannot read "${directory}": ${state}, wanted a directory`, { path: directory, cause: error });
  }
}

export function typeOfRow(table: StatTable, row: number): EntryType {
  return TYPES[table.word(row, WORD.mode) & S_IFMT]!;
}

/** A row's entry, with its xattrs and link target read now, of one moment: read again when the inode changed meanwhile. */
export function readEntry(live: LiveDirectory, row: number): Entry {
  const { table } = live;
  const name = table.names[row]!;
  const type = typeOfRow(table, row);
  try {
    const directory = live.openParent(row);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const xattrs = live.xattrs(directory, name);
      const target = type === "symlink" ? (readLink(directory, name) as ByteString) : undefined;
      if (xattrs.length === 0 && target === undefined) return entryOfRow(table, row, type, xattrs, target);
      if (table.isUnchanged(row, statAt(directory, name, STAT))) return entryOfRow(table, row, type, xattrs, target);
      live.lookAgain(row);
      if (table.hasFlag(row, GONE) || typeOfRow(table, row) !== type) break;
    }
  } catch (error) {
    throw sourceFailure(error, live.placeOf(row));
  }
  throw sourceChanged(live.placeOf(row));
}

/** An entry of what a row says and of what only reading can tell. */
export function entryOfRow(
  table: StatTable,
  row: number,
  type: EntryType,
  xattrs: readonly Xattr[],
  target: ByteString | undefined,
): Entry {
  const metadata: Metadata = {
    mode: table.word(row, WORD.mode) & 0o7777,
    uid: table.word(row, WORD.uid),
    gid: table.word(row, WORD.gid),
    mtimeSeconds: table.signed64(row, WORD.mtimeSeconds),
    mtimeNanoseconds: table.word(row, WORD.mtimeNanoseconds),
    xattrs,
  };
  switch (type) {
    case "file":
      return { type, ...metadata, size: table.unsigned64(row, WORD.size) };
    case "symlink":
      return { type, ...metadata, target: target! };
    case "character":
    case "block":
      return { type, ...metadata, major: table.word(row, WORD.rdevMajor), minor: table.word(row, WORD.rdevMinor) };
    default:
      return { type, ...metadata };
  }
}
