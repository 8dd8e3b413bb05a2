import { Worker } from "node:worker_threads";
import type { ReadAheadContent } from "../../core/model/tree.js";
import { closeDescriptor, duplicateDescriptor } from "../../linux/open-at.js";
import { S_IFMT, S_IFREG } from "../../linux/stat.js";
import type { ReadAheadStart } from "./read-ahead-worker.js";
import {
  bytesOfSlot,
  digestOfSlot,
  FAILED,
  lengthAt,
  newRingMemory,
  READY,
  ringOf,
  SLOT_BYTES,
  SLOTS,
  WANTED,
  type ReadAheadRing,
} from "./read-ahead-ring.js";
import { MAY_HAVE_HOLES, ROW_WORDS, WORD, type StatTable } from "./stat-table.js";

/** How many files the using thread takes over when it has caught up, so that the reading one gets ahead of it again. */
const TAKEN_OVER = 32;

/** A thread without work yet: its start, some 50 ms, goes on while the directory is scanned. */
export function startReadingThread(): Worker {
  const thread = new Worker(new URL("./read-ahead-worker.js", import.meta.url));
  // What it can't read, the using thread reads, and says why if it can't either.
  thread.on("error", () => undefined);
  thread.unref();
  return thread;
}

/**
 * Reads and hashes the files of a scanned directory in a thread of its own, in the order of a walk, a few hundred ahead of whoever uses
 * them. Nobody waits for it: what is not ready is read by the using thread, and passed over by this one.
 *
 * A file is handed over only when its stat, after it was read, is the one that the scan saw.
 */
export class ReadAhead {
  readonly #ring: ReadAheadRing;
  readonly #rankOfRow: Int32Array;
  readonly #thread: Worker;
  readonly #root: number;
  /** Ranks before it are used, or given up. */
  #next = 0;
  #closed = false;

  /** @param thread What `startReadingThread` gave; ended by `close`. @param root The directory's descriptor. */
  constructor(thread: Worker, table: StatTable, root: number) {
    const rows = readableRows(table);
    this.#rankOfRow = new Int32Array(table.length).fill(-1);
    rows.forEach((row, rank) => (this.#rankOfRow[row] = rank));
    this.#root = duplicateDescriptor(root);
    const memory = newRingMemory();
    this.#ring = ringOf(memory);
    this.#thread = thread;
    const words = table.words.slice(0, table.length * ROW_WORDS);
    thread.postMessage({ memory, rows, root: this.#root, words, names: table.names } satisfies ReadAheadStart);
  }

  /** Files that were read so far, and those given up. */
  get ready(): number {
    return Atomics.load(this.#ring.numbers, READY);
  }

  /** @returns The row's content, valid until the next call; `undefined` when it is not ready. */
  take(row: number): ReadAheadContent | undefined {
    const rank = this.#rankOfRow[row] ?? -1;
    if (rank < this.#next) return undefined;
    const { numbers } = this.#ring;
    if (rank >= Atomics.load(numbers, READY)) {
      this.#want(rank + TAKEN_OVER);
      return undefined;
    }
    this.#want(rank);
    this.#next = rank + 1;
    const slot = rank % SLOTS;
    const length = numbers[lengthAt(slot)] ?? FAILED;
    if (length === FAILED) return undefined;
    return { bytes: bytesOfSlot(this.#ring, slot, length), digest: digestOfSlot(this.#ring, slot) };
  }

  /** Frees the slots of all lower ranks. */
  #want(rank: number): void {
    this.#next = rank;
    Atomics.store(this.#ring.numbers, WANTED, rank);
    Atomics.notify(this.#ring.numbers, WANTED);
  }

  /** May be repeated. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const root = this.#root;
    void this.#thread.terminate().finally(() => closeDescriptor(root));
  }
}

/** Rows of regular files with one name, without holes and not too long, in the order of a walk. */
function readableRows(table: StatTable): Int32Array {
  const rows: number[] = [];
  const open: { row: number; readonly end: number }[] = [];
  const enter = (directory: number): void => {
    const row = table.word(directory, WORD.firstChild);
    open.push({ row, end: row + table.word(directory, WORD.childCount) });
  };
  enter(0);
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    if (level.row === level.end) {
      open.pop();
      continue;
    }
    const row = level.row++;
    if (table.word(row, WORD.childCount) > 0) enter(row);
    else if (isReadable(table, row)) rows.push(row);
  }
  return Int32Array.from(rows);
}

function isReadable(table: StatTable, row: number): boolean {
  const size = table.unsigned64(row, WORD.size);
  return (
    (table.word(row, WORD.mode) & S_IFMT) === S_IFREG &&
    table.word(row, WORD.nlink) === 1 &&
    size > 0 &&
    size <= SLOT_BYTES &&
    !table.hasFlag(row, MAY_HAVE_HOLES)
  );
}
