import { hash } from "node:crypto";
import { readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { ByteString } from "../../core/model/byte-string.js";
import { closeDescriptor, OPEN_FILE, openAt } from "../../linux/open-at.js";
import { FileStat, statDescriptor } from "../../linux/stat.js";
import { DirectoryOpener } from "./directory-opener.js";
import {
  bytesOfSlot,
  digestOfSlot,
  FAILED,
  lengthAt,
  READY,
  ringOf,
  SLOTS,
  WANTED,
  type ReadAheadRing,
  type RingMemory,
} from "./read-ahead-ring.js";
import { StatTable, WORD } from "./stat-table.js";

export interface ReadAheadStart {
  readonly memory: RingMemory;
  /** Of the files to read, in the order of a walk. */
  readonly rows: Int32Array;
  /** The directory's descriptor; whoever starts the thread closes it. */
  readonly root: number;
  readonly words: Uint32Array;
  readonly names: ByteString[];
}

const STAT = new FileStat();

// A thread of its own, started by store/directory/read-ahead.ts.
parentPort?.once("message", readAll);

function readAll({ memory, rows, root, words, names }: ReadAheadStart): void {
  const ring = ringOf(memory);
  const table = Object.assign(new StatTable(), { words, length: names.length });
  table.setNames(() => names);
  const opener = new DirectoryOpener(root);
  for (let rank = 0; rank < rows.length; rank += 1) {
    rank = awaitRoom(ring, rank);
    const row = rows[rank];
    if (row === undefined) return;
    const slot = rank % SLOTS;
    ring.numbers[lengthAt(slot)] = readFile(table, opener, row, ring, slot);
    Atomics.store(ring.numbers, READY, rank + 1);
  }
}

/** Waits while the slots are full. @returns The rank to read next: further on when the using thread has overtaken. */
function awaitRoom({ numbers }: ReadAheadRing, rank: number): number {
  for (;;) {
    const wanted = Atomics.load(numbers, WANTED);
    if (rank < wanted + SLOTS) return Math.max(rank, wanted);
    Atomics.wait(numbers, WANTED, wanted);
  }
}

/** @returns The file's length, or FAILED: then the using thread finds out why. */
function readFile(table: StatTable, opener: DirectoryOpener, row: number, ring: ReadAheadRing, slot: number): number {
  let descriptor = -1;
  try {
    const directory = opener.open(table.path(table.word(row, WORD.parent)));
    descriptor = openAt(directory, table.names[row] ?? "", OPEN_FILE);
    const bytes = bytesOfSlot(ring, slot, table.unsigned64(row, WORD.size));
    if (!fill(descriptor, bytes) || !table.isUnchanged(row, statDescriptor(descriptor, STAT))) return FAILED;
    digestOfSlot(ring, slot).set(hash("sha256", bytes, "buffer"));
    return bytes.length;
  } catch {
    return FAILED;
  } finally {
    if (descriptor >= 0) closeDescriptor(descriptor);
  }
}

function fill(descriptor: number, bytes: Buffer): boolean {
  for (let done = 0; done < bytes.length;) {
    const count = readSync(descriptor, bytes, done, bytes.length - done, done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}
