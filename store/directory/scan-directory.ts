import { VarveError } from "../../core/errors.js";
import { joinPath, textOf, type ByteString } from "../../core/model/byte-string.js";
import { ERRNO, hasCode, SystemCallError } from "../../linux/errno.js";
import { readDirectory } from "../../linux/read-directory.js";
import { FileStat, S_IFCHR, S_IFDIR, statDescriptor, tryStatAt } from "../../linux/stat.js";
import type { DirectoryOpener } from "./directory-opener.js";
import { sourceFailure } from "./source-failure.js";
import { GONE, StatTable, WORD } from "./stat-table.js";

export interface ScanOptions {
  /** Names in the root that are passed over. */
  readonly exclude?: readonly string[];
  /** Whether a character device 0:0 is an overlay's whiteout, which an upper directory holds. */
  readonly whiteouts?: boolean;
}

export interface DirectoryScan {
  readonly table: StatTable;
  /** Where other filesystems are mounted: a directory stands in the table without what it holds, anything else not at all. */
  readonly skippedMounts: readonly ByteString[];
}

/** The stat of everything below a directory, in one pass. Directories are opened by path, so that depth costs no descriptors. */
export function scanDirectory(opener: DirectoryOpener, options: ScanOptions = {}): DirectoryScan {
  return new Scanner(opener, options).scan();
}

class Scanner {
  readonly #opener: DirectoryOpener;
  readonly #options: ScanOptions;
  readonly #table = new StatTable();
  readonly #skippedMounts: ByteString[] = [];
  readonly #stat = new FileStat();
  #mount = "";

  constructor(opener: DirectoryOpener, options: ScanOptions) {
    this.#opener = opener;
    this.#options = options;
  }

  scan(): DirectoryScan {
    const root = "" as ByteString;
    statDescriptor(this.#opener.root, this.#stat);
    this.#mount = mountOf(this.#stat);
    this.#table.append(0, root, this.#stat);
    // Last in, first out: a directory's own directories follow it at once, so rows stand nearly in the order of a walk.
    const waiting: { row: number; path: ByteString }[] = [{ row: 0, path: root }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { row, path } = next;
      const below = this.#scanOne(row, path);
      for (let index = below.length - 1; index >= 0; index--) {
        const child = below[index]!;
        waiting.push({ row: child, path: joinPath(path, this.#table.names[child]!) });
      }
    }
    return { table: this.#table, skippedMounts: this.#skippedMounts };
  }

  /** @returns The rows of the directories in it. */
  #scanOne(row: number, path: ByteString): number[] {
    try {
      const descriptor = this.#opener.open(path);
      // It may be another directory than its parent's walk saw.
      statDescriptor(descriptor, this.#stat);
      if (mountOf(this.#stat) !== this.#mount) throw new SystemCallError("openat", ERRNO.EXDEV, path);
      this.#table.set(row, this.#stat);
      return this.#scanNames(row, path, descriptor, readDirectory(descriptor).names as ByteString[]);
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP") || row === 0) throw sourceFailure(error, path);
      this.#table.addFlag(row, GONE);
      return [];
    }
  }

  #scanNames(row: number, path: ByteString, descriptor: number, names: ByteString[]): number[] {
    names.sort();
    const table = this.#table;
    const first = table.length;
    const directories: number[] = [];
    for (const name of names) {
      if (row === 0 && this.#options.exclude?.includes(name)) continue;
      const errno = tryStatAt(descriptor, name, this.#stat);
      if (errno === ERRNO.ENOENT) continue;
      if (errno !== 0) throw sourceFailure(new SystemCallError("statx", errno, name), joinPath(path, name));
      this.#add(row, path, name, directories);
    }
    table.setWord(row, WORD.firstChild, first);
    table.setWord(row, WORD.childCount, table.length - first);
    return directories;
  }

  #add(parent: number, parentPath: ByteString, name: ByteString, directories: number[]): void {
    const stat = this.#stat;
    const isDirectory = stat.type === S_IFDIR;
    const isMount = mountOf(stat) !== this.#mount;
    if (isMount) this.#skippedMounts.push(joinPath(parentPath, name));
    if (isMount && !isDirectory) return;
    if (!this.#options.whiteouts && stat.type === S_IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0) {
      throw whiteoutInDirectory(joinPath(parentPath, name));
    }
    const row = this.#table.append(parent, name, stat);
    if (isDirectory && !isMount) directories.push(row);
  }
}

/** Mount ids came with Linux 5.8; before, the device tells, except for bind mounts of the same filesystem. */
function mountOf(stat: FileStat): string {
  return stat.mountId === 0 ? `${stat.deviceMajor}:${stat.deviceMinor}` : String(stat.mountId);
}

function whiteoutInDirectory(path: ByteString): VarveError {
  const text = textOf(path);
  return new VarveError("UNSUPPORTED", `Cannot keep "${text}": it is character device 0:0, which overlayfs reads as a deletion`, {
    path: text,
    hint: "Remove it. To read an overlay's upper directory, mount the overlay and read the mount.",
  });
}
