import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { statDescriptor } from "../../linux/stat.js";
import type { DirectoryOpener } from "../directory/directory-opener.js";
import type { ProvedStats } from "../directory/scan-directory.js";
import { ROW_WORDS, type StatTable, WORD } from "../directory/stat-table.js";
import { FINISHED, isHopeless, NAMES_IN_PIECE, RowProver, type SharedPass } from "./prove-rows.js";
import type { StatIndex } from "./stat-index-file.js";

/** So many rows take as long as twice the start of a thread, some 15 ms. */
const MANY_ROWS = 20_000;
/** How long to wait for what the other thread is at: more than any piece takes that is in a cache. */
const PATIENCE_MILLISECONDS = 20;

export interface ProvedIndex extends ProvedStats {
  /** Whether every row is. */
  readonly isComplete: boolean;
}

/**
 * Takes the stat of all that an index holds and tells what is unchanged. No directory is listed: one whose own stat is unchanged
 * has the names that it had. A large index is shared with a second thread.
 *
 * @param manyRows From how many rows on. Another number is for tests.
 * @throws VarveError INTERRUPTED. SystemCallError.
 */
export async function proveStats(opener: DirectoryOpener, index: StatIndex, manyRows: number = MANY_ROWS): Promise<ProvedIndex> {
  const pass = newPass(opener, index);
  const { table } = index;
  const prover = new RowProver(pass);
  pass.same[0] = prover.isRootSame() ? 1 : 0;
  const second = table.length >= manyRows && availableParallelism() > 1 ? startProving(pass) : undefined;
  try {
    while (!prover.work(isTurnDue)) await yieldToSignals();
    if (!isHopeless(pass)) await finish(pass, prover);
  } finally {
    void second?.terminate();
  }
  // A copy, since the other thread may be at a piece still that was done again here.
  const same = Uint8Array.from(pass.same);
  return { table, isSame: (row) => same[row] === 1, isComplete: !same.includes(0) };
}

/** Exported for its test, as is `startProving`. */
export function newPass(opener: DirectoryOpener, { table, nameBytes, nameStarts }: StatIndex): SharedPass {
  const pieces = piecesOf(table);
  return {
    words: table.words,
    nameBytes,
    nameStarts,
    pieces,
    done: new Uint8Array(new SharedArrayBuffer(pieces.length)),
    progress: new Int32Array(new SharedArrayBuffer(12)),
    same: new Uint8Array(new SharedArrayBuffer(table.length)),
    root: opener.root,
    mount: statDescriptor(opener.root).mountId,
  };
}

function piecesOf({ words, length }: StatTable): Uint32Array {
  const pieces: number[] = [];
  for (let row = 0; row < length; row++) {
    const at = row * ROW_WORDS;
    const first = words[at + WORD.firstChild]!;
    const end = first + words[at + WORD.childCount]!;
    for (let piece = first; piece < end; piece += NAMES_IN_PIECE) pieces.push(piece);
  }
  const shared = new Uint32Array(new SharedArrayBuffer(pieces.length * 4));
  shared.set(pieces);
  return shared;
}

export function startProving(pass: SharedPass): Worker {
  const thread = new Worker(new URL("./prove-worker.js", import.meta.url), { workerData: pass });
  // What it does not finish is done again here, and there it is told what is wrong.
  thread.on("error", () => undefined);
  thread.unref();
  return thread;
}

/** Waits for what another thread has taken; when nothing comes of it, it is done here. */
async function finish(pass: SharedPass, prover: RowProver): Promise<void> {
  const { pieces, done, progress } = pass;
  for (let finished = Atomics.load(progress, FINISHED); finished < pieces.length;) {
    if (Atomics.wait(progress, FINISHED, finished, PATIENCE_MILLISECONDS) === "timed-out") break;
    finished = Atomics.load(progress, FINISHED);
  }
  for (let piece = 0; piece < pieces.length; piece++) {
    if (Atomics.load(done, piece) === 1) continue;
    prover.prove(piece);
    if (isTurnDue()) await yieldToSignals();
  }
}
