import { VarveError } from "../../core/errors.js";
import { joinPath, textOf, type ByteString } from "../../core/model/byte-string.js";
import { nodeAt } from "../../core/model/paths.js";
import { IGNORE_FILE } from "../../core/paths/ignore-rules.js";
import { atOnce, inTurns, type Turns } from "../../core/turns.js";
import { isTurnDue } from "../../core/yield-to-signals.js";
import { ERRNO, hasCode, SystemCallError } from "../../linux/errno.js";
import { readDirectory } from "../../linux/read-directory.js";
import { FileStat, S_IFCHR, S_IFDIR, S_IFMT, statDescriptor, tryStatAt } from "../../linux/stat.js";
import { STORE_NAME } from "../store-layout.js";
import type { DirectoryOpener } from "./directory-opener.js";
import { type IgnoreOptions, IgnorePlace } from "./ignore-filter.js";
import { sourceFailure } from "./source-failure.js";
import { GONE, StatTable, UNTRUSTED, WORD } from "./stat-table.js";

export interface ScanOptions {
  /** Names in the root that are passed over. */
  readonly exclude?: readonly string[];
  /** Whether a character device 0:0 is an overlay's whiteout, which an upper directory holds. */
  readonly whiteouts?: boolean;
  /** Called once, when it has become worth while to have a thread read the files meanwhile. */
  readonly onMany?: () => void;
  /** Saves the system calls for what it holds. */
  readonly proved?: ProvedStats | undefined;
  /** Whether ignore files and patterns count. A directory's row then tells how many of its names are left out: `StatTable.ignored`. */
  readonly ignore?: IgnoreOptions | undefined;
}

/** What is known already of the directory to scan, and proved to be so still. */
export interface ProvedStats {
  readonly table: StatTable;
  /** Whether the row's inode has not changed; so a directory has the same names as in the table. */
  isSame(row: number): boolean;
}

export interface DirectoryScan {
  readonly table: StatTable;
  /** Where other filesystems are mounted: a directory stands in the table without what it holds, anything else not at all. */
  readonly mounts: readonly ByteString[];
  /** Names that were gone before their stat was taken, or a directory was entered. */
  readonly vanished: number;
}

/** The stat of everything below a directory, in one pass. Directories are opened by path, so that depth costs no descriptors. */
export function scanDirectory(opener: DirectoryOpener, options: ScanOptions = {}): DirectoryScan {
  return atOnce(new Scanner(opener, options).scan());
}

/** The same for what may take long, such as a directory that is in no cache. @throws VarveError INTERRUPTED. */
export async function scanDirectoryInTurns(opener: DirectoryOpener, options: ScanOptions = {}): Promise<DirectoryScan> {
  return inTurns(new Scanner(opener, options).scan());
}

/** Of a scan that is about as long as the start of a thread. */
const MANY_ROWS = 4000;
/** So many names are looked at between two looks at the clock: below a second even where each is a seek of a disk. */
const NAMES_AT_ONCE = 64;

class Scanner {
  readonly #opener: DirectoryOpener;
  readonly #options: ScanOptions;
  readonly #table = new StatTable();
  readonly #mounts: ByteString[] = [];
  readonly #stat = new FileStat();
  readonly #formatStat = new FileStat();
  #mount = "";
  #vanished = 0;

  constructor(opener: DirectoryOpener, options: ScanOptions) {
    this.#opener = opener;
    this.#options = options;
  }

  *scan(): Turns<DirectoryScan> {
    const root = "" as ByteString;
    statDescriptor(this.#opener.root, this.#stat);
    this.#mount = mountOf(this.#stat);
    this.#table.append(0, root, this.#stat);
    // Last in, first out: a directory's own directories follow it at once, so rows stand nearly in the order of a walk.
    const { ignore } = this.#options;
    const place = ignore && IgnorePlace.root(ignore);
    const waiting: Waiting[] = [{ row: 0, path: root, known: this.#options.proved && 0, place }];
    if (this.#options.proved) this.#table.reserve(this.#options.proved.table.length + 64);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const below = this.#copyKnown(next) ?? (yield* this.#scanOne(next));
      for (let index = below.length - 1; index >= 0; index--) waiting.push(below[index]!);
    }
    if (ignore?.emptied) leaveOutEmptied(this.#table, ignore);
    return { table: this.#table, mounts: this.#mounts, vanished: this.#vanished };
  }

  /** @returns The directories in it; `undefined` when it is not proved to hold the same names as before. */
  #copyKnown({ row, path, known, place }: Waiting): Waiting[] | undefined {
    const proved = this.#options.proved;
    if (proved === undefined || known === undefined || !proved.isSame(known)) return undefined;
    const table = this.#table;
    const first = proved.table.word(known, WORD.firstChild);
    const end = first + proved.table.word(known, WORD.childCount);
    for (let child = first; child < end; child++) if (!proved.isSame(child)) return undefined;
    const directories: Waiting[] = [];
    let here: IgnorePlace | undefined;
    try {
      here = this.#withIgnoreFile({ row, path, known, place }, () => proved.table.find(known, IGNORE_FILE) !== undefined);
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
      throw sourceFailure(error, this.#opener.placeOf(path));
    }
    table.setWord(row, WORD.firstChild, table.length);
    table.setWord(row, WORD.childCount, end - first);
    table.setIgnored(row, proved.table.ignored(known));
    for (let child = first; child < end; child++) {
      const copy = table.appendCopy(row, proved.table, child);
      if ((table.word(copy, WORD.mode) & S_IFMT) !== S_IFDIR) continue;
      const name = table.names[copy]!;
      directories.push({ row: copy, path: joinPath(path, name), known: child, place: here?.below(name) });
    }
    return directories;
  }

  /** @returns The directories in it. */
  *#scanOne(waiting: Waiting): Turns<Waiting[]> {
    const { row, path } = waiting;
    try {
      const descriptor = this.#opener.open(path);
      // It may be another directory than its parent's walk saw.
      statDescriptor(descriptor, this.#stat);
      if (mountOf(this.#stat) !== this.#mount) throw new SystemCallError("openat", ERRNO.EXDEV, path);
      this.#table.set(row, this.#stat);
      return yield* this.#scanNames(waiting, descriptor);
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP") || row === 0) throw sourceFailure(error, this.#opener.placeOf(path));
      this.#table.addFlag(row, GONE);
      this.#vanished++;
      return [];
    }
  }

  *#scanNames(waiting: Waiting, descriptor: number): Turns<Waiting[]> {
    const { row } = waiting;
    const names = (readDirectory(descriptor).names as ByteString[]).sort();
    const table = this.#table;
    const first = table.length;
    const directories: Waiting[] = [];
    const here = { ...waiting, place: this.#withIgnoreFile(waiting, () => names.includes(IGNORE_FILE)) };
    for (let start = 0; start < names.length; start += NAMES_AT_ONCE) {
      if (isTurnDue()) yield;
      this.#addNames(here, descriptor, names.slice(start, start + NAMES_AT_ONCE), directories);
    }
    table.setWord(row, WORD.firstChild, first);
    table.setWord(row, WORD.childCount, table.length - first);
    return directories;
  }

  /** @param place With the rules of the directory itself. @param directories Those found are put at its end. */
  #addNames(
    { row, path, known, place }: Waiting,
    descriptor: number,
    names: readonly ByteString[],
    directories: Waiting[],
  ): void {
    for (const name of names) {
      if (row === 0 && this.#options.exclude?.includes(name)) continue;
      const errno = tryStatAt(descriptor, name, this.#stat);
      if (errno === ERRNO.ENOENT) {
        this.#vanished++;
        continue;
      }
      if (errno !== 0) throw this.#failure(errno, joinPath(path, name));
      if (place !== undefined && this.#leaveOut(row, descriptor, name, place)) continue;
      const directory = this.#add(row, path, name);
      if (directory === undefined) continue;
      const isKnown = known !== undefined && place?.areRulesSame !== false;
      const before = isKnown ? this.#options.proved?.table.find(known, name) : undefined;
      directories.push({ row: directory, path: joinPath(path, name), known: before, place: place?.below(name) });
    }
  }

  #failure(errno: number, path: ByteString): unknown {
    return sourceFailure(new SystemCallError("statx", errno, path), this.#opener.placeOf(path));
  }

  #withIgnoreFile({ path, known, place }: Waiting, isThere: () => boolean): IgnorePlace | undefined {
    if (place === undefined) return undefined;
    const before = known === undefined ? undefined : this.#options.proved?.table.find(known, IGNORE_FILE);
    const now = isThere();
    const isSame = before === undefined ? !now : now && this.#options.proved!.isSame(before);
    if (!now && isSame) return place;
    return place.withFile(this.#opener.open(path), now, isSame, this.#opener.placeOf(joinPath(path, IGNORE_FILE)));
  }

  #leaveOut(row: number, descriptor: number, name: ByteString, place: IgnorePlace): boolean {
    const verdict = place.leavesOut(name, this.#stat.type === S_IFDIR) ?? this.#isStore(descriptor, name, place);
    if (verdict === undefined) return false;
    this.#table.setIgnored(row, this.#table.ignored(row) + 1);
    // What the next scan can't see to be the same: other patterns, or rules that no row tells of.
    if (verdict === "excluded" || name === IGNORE_FILE) this.#table.addFlag(row, UNTRUSTED);
    return true;
  }

  /** A store is no content, as a `.git` is none to git: with the tree it would go back in time. */
  #isStore(descriptor: number, name: ByteString, place: IgnorePlace): "ignored" | undefined {
    if (this.#stat.type !== S_IFDIR) return undefined;
    const isStore =
      this.#stat.inodeKey === this.#options.ignore?.store ||
      (name === STORE_NAME && tryStatAt(descriptor, `${STORE_NAME}/format`, this.#formatStat) === 0);
    return isStore && !place.isTracked(name) ? "ignored" : undefined;
  }

  /** @returns The row of a directory to be entered. */
  #add(parent: number, parentPath: ByteString, name: ByteString): number | undefined {
    const stat = this.#stat;
    const isDirectory = stat.type === S_IFDIR;
    const isMount = mountOf(stat) !== this.#mount;
    if (isMount) this.#mounts.push(joinPath(parentPath, name));
    if (isMount && !isDirectory) return undefined;
    if (!this.#options.whiteouts && stat.type === S_IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0) {
      throw whiteoutInDirectory(this.#opener.placeOf(joinPath(parentPath, name)));
    }
    const row = this.#table.append(parent, name, stat);
    if (row === MANY_ROWS) this.#options.onMany?.();
    return isDirectory && !isMount ? row : undefined;
  }
}

interface Waiting {
  readonly row: number;
  readonly path: ByteString;
  /** Its row in what is known already. */
  readonly known: number | undefined;
  /** Absent where nothing is ignored. */
  readonly place: IgnorePlace | undefined;
}

/** Marks GONE what holds ignored paths alone, from the bottom up. */
function leaveOutEmptied(table: StatTable, { tracked = [] }: IgnoreOptions): void {
  for (let row = table.length - 1; row > 0; row--) {
    if (table.ignored(row) === 0 || table.hasFlag(row, GONE)) continue;
    const first = table.word(row, WORD.firstChild);
    const end = first + table.word(row, WORD.childCount);
    let isEmptied = true;
    for (let child = first; child < end && isEmptied; child++) isEmptied = table.hasFlag(child, GONE);
    if (!isEmptied || tracked.some((tree) => nodeAt(tree, table.path(row)) !== undefined)) continue;
    const parent = table.word(row, WORD.parent);
    table.addFlag(row, GONE);
    table.setIgnored(parent, table.ignored(parent) + 1);
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
