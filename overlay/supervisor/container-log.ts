import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { LogPiece } from "../../core/ports/containers.js";
import { isTurnDue, yieldToSignals } from "../../core/yield-to-signals.js";
import { hasCode } from "../../linux/errno.js";

/**
 * The log that conmon writes: the form of Kubernetes, one line for each line or piece of a line.
 *
 * ```
 * 2026-11-27T13:53:47.586920084+00:00 stdout F a whole line
 * 2026-11-27T13:53:47.586920084+00:00 stderr P a piece of one: what comes next of this stream goes on with it
 * ```
 */
const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP]) /;
/** A head has some 60 bytes, a piece of conmon 8 KiB at most. What is longer was not written by conmon. */
const LONGEST_LINE = 2 ** 20;
const READ_BYTES = 2 ** 18;
const NEWLINE = 0x0a;
const POLL_MILLISECONDS = 50;

/** @param line Without its line end. @returns `undefined` for a line of another form. */
export function parseLogLine(line: Buffer): LogPiece | undefined {
  const head = LINE.exec(line.subarray(0, 80).toString("latin1"));
  if (head === null) return undefined;
  const [{ length }, time = "", stream, mark] = head;
  const text = line.subarray(length);
  return {
    time,
    stream: stream as LogPiece["stream"],
    bytes: mark === "F" ? Buffer.concat([text, Buffer.of(NEWLINE)]) : Buffer.from(text),
  };
}

export interface LogReading {
  /** Of what is there at first, so many lines at most. */
  readonly tail?: number | undefined;
  /** Asked when the end is reached: true when nothing more can come. Without it the end is the end. */
  readonly isOver?: () => boolean;
}

/**
 * What a container's process has written, in order. Memory stays flat, whatever the log's size. A log that begins anew meanwhile is read from its
 * new beginning.
 *
 * @param file Absolute. One that is not there holds nothing.
 * @throws SystemError, VarveError INTERRUPTED.
 */
export async function* readLog(file: string, { tail, isOver }: LogReading = {}): AsyncGenerator<LogPiece> {
  let descriptor = tryOpen(file);
  let position = descriptor === undefined || tail === undefined ? 0 : startOfTail(descriptor, tail);
  let rest: Buffer = Buffer.alloc(0);
  const buffer = Buffer.alloc(READ_BYTES);
  try {
    for (;;) {
      // Asked before the read: what was written until then is read for sure.
      const over = isOver?.() ?? true;
      if (isTurnDue()) await yieldToSignals();
      descriptor ??= tryOpen(file);
      const count = descriptor === undefined ? 0 : readSync(descriptor, buffer, 0, buffer.length, position);
      if (count > 0) {
        position += count;
        rest = Buffer.concat([rest, buffer.subarray(0, count)]);
        const end = rest.lastIndexOf(NEWLINE);
        for (const line of linesOf(rest.subarray(0, end + 1))) {
          const piece = parseLogLine(line);
          if (piece !== undefined) yield piece;
        }
        rest = rest.length > LONGEST_LINE ? Buffer.alloc(0) : Buffer.from(rest.subarray(end + 1));
      } else if (descriptor !== undefined && isReplaced(descriptor, file)) {
        closeSync(descriptor);
        descriptor = undefined;
        position = 0;
        rest = Buffer.alloc(0);
      } else if (over) return;
      else await pause(POLL_MILLISECONDS);
    }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Where the last lines begin, found from the end: a log may have any size.
 * @param count Lines that the process wrote. The pieces of one that has no end yet are one, too.
 */
function startOfTail(descriptor: number, count: number): number {
  const block = Buffer.alloc(READ_BYTES);
  let { size: end } = fstatSync(descriptor);
  let lines = 0;
  let after = Buffer.alloc(0);
  while (end > 0) {
    const begin = Math.max(0, end - READ_BYTES);
    const read = readSync(descriptor, block, 0, end - begin, begin);
    const bytes = Buffer.concat([block.subarray(0, read), after]);
    let lineEnd = bytes.length;
    for (let at = bytes.lastIndexOf(NEWLINE, lineEnd - 2); at !== -1; at = at <= 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1)) {
      if (endsLine(bytes.subarray(at + 1, lineEnd)) && lines++ === count) return begin + lineEnd;
      lineEnd = at + 1;
    }
    // The head of this line may stand in the block before.
    after = Buffer.from(bytes.subarray(0, Math.min(lineEnd, LONGEST_LINE)));
    end = begin;
  }
  return endsLine(after) && lines === count ? after.length : 0;
}

function endsLine(line: Buffer): boolean {
  return LINE.exec(line.subarray(0, 80).toString("latin1"))?.[3] === "F";
}

function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let begin = 0, end; (end = bytes.indexOf(NEWLINE, begin)) !== -1; begin = end + 1) yield bytes.subarray(begin, end);
}

/** A FIFO in its place would hold us until somebody writes; a symlink may lead anywhere. */
function tryOpen(file: string): number | undefined {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (fstatSync(descriptor).isFile()) return descriptor;
    closeSync(descriptor);
    return undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ELOOP", "ENXIO")) return undefined;
    throw error;
  }
}

function isReplaced(descriptor: number, file: string): boolean {
  const now = statSync(file, { throwIfNoEntry: false });
  return now !== undefined && now.ino !== fstatSync(descriptor).ino;
}
