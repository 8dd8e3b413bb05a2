import { closeSync, fstatSync, lstatSync, readSync } from "node:fs";
import type { StoreEvent } from "../../core/ports/events.js";
import { openRegularFile } from "../../linux/regular-file.js";
import { errnoOf } from "../system-failure.js";
import { formerOf } from "./append-event.js";
import { decodeEvent, LARGEST_LINE_BYTES } from "./event-line.js";

const READ_BYTES = 2 ** 16;
const NEWLINE = 0x0a;

interface OpenFile {
  readonly descriptor: number;
  readonly inode: number;
  position: number;
  /** The beginning of a line whose end was not there yet. */
  rest: Buffer;
}

/** Reads a file of events, and the one before it, as they grow and as they are replaced. Memory stays flat. */
export class EventReader {
  readonly #file: string;
  #open: readonly OpenFile[] = [];

  /** @param file One that is not there holds nothing. @param from Whether what stands there now is read. @throws Node's error. */
  constructor(file: string, from: "beginning" | "end") {
    this.#file = file;
    this.#open = this.#standing();
    if (from === "end") for (const each of this.#open) each.position = fstatSync(each.descriptor).size;
  }

  *read(): Generator<StoreEvent> {
    const standing = this.#standing();
    const gone = this.#open.filter((each) => !standing.includes(each));
    this.#open = standing;
    try {
      // Who had one of them open has appended to it a moment ago.
      for (const each of gone) yield* eventsIn(each);
    } finally {
      for (const { descriptor } of gone) closeSync(descriptor);
    }
    for (const each of standing) yield* eventsIn(each);
  }

  close(): void {
    for (const { descriptor } of this.#open) closeSync(descriptor);
    this.#open = [];
  }

  /** The oldest first. */
  #standing(): readonly OpenFile[] {
    return [formerOf(this.#file), this.#file].flatMap((file) => {
      const inode = lstatSync(file, { throwIfNoEntry: false })?.ino;
      return inode === undefined ? [] : (this.#open.find((each) => each.inode === inode) ?? tryOpen(file) ?? []);
    });
  }
}

/** What is no file of ours holds no events. */
function tryOpen(file: string): OpenFile | undefined {
  try {
    const descriptor = openRegularFile(file);
    return { descriptor, inode: fstatSync(descriptor).ino, position: 0, rest: Buffer.alloc(0) };
  } catch (error) {
    if (["ENOENT", "ELOOP", "ENXIO", "EFTYPE"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

function* eventsIn(open: OpenFile): Generator<StoreEvent> {
  const buffer = Buffer.alloc(READ_BYTES);
  for (let count = -1; count !== 0;) {
    if (open.position > fstatSync(open.descriptor).size) Object.assign(open, { position: 0, rest: Buffer.alloc(0) });
    count = readSync(open.descriptor, buffer, 0, buffer.length, open.position);
    open.position += count;
    const bytes = Buffer.concat([open.rest, buffer.subarray(0, count)]);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const rest = bytes.subarray(end);
    open.rest = rest.length > LARGEST_LINE_BYTES ? Buffer.alloc(0) : Buffer.from(rest);
    for (const line of bytes.toString("utf8", 0, end).split("\n")) {
      const event = decodeEvent(line);
      if (event !== undefined) yield event;
    }
  }
}
