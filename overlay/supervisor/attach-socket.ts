import { closeSync, constants, openSync, read, writeSync } from "node:fs";
import { hasCode, SystemCallError } from "../../linux/errno.js";
import { AT_FDCWD, closeDescriptor, O_PATH, openAt } from "../../linux/open-at.js";
import { connectPacketSocket, shutDownSocket } from "../../linux/local-socket.js";

/** What conmon sends: one byte that names the stream, then up to STDIO_BUF_SIZE bytes of it. */
const STREAMS: Readonly<Record<number, "stdout" | "stderr">> = { 2: "stdout", 3: "stderr" };
const LARGEST_MESSAGE = 2 ** 16;
/** conmon reads so much at once, and would drop the rest of a longer message. */
const LARGEST_INPUT = 8192;
/** The command word of conmon's control file for a terminal's new size. */
const RESIZE = 1;

/** A tie to the input and output of a process that conmon keeps. */
export interface Attachment {
  /** Sends input. What the process is too slow to take holds us back. */
  write(bytes: Uint8Array): void;
  /** The process reads the end of its input. */
  endInput(): void;
  /** Resolves when the process's output has ended, or after `leave`. */
  readonly ended: Promise<void>;
  leave(): void;
}

/**
 * @param bundle The directory that holds conmon's sockets: bytes in latin1, absolute.
 * @returns `undefined` when conmon is gone.
 */
export function attach(
  bundle: string,
  onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void,
): Attachment | undefined {
  const descriptor = tryConnect(bundle);
  if (descriptor === undefined) return undefined;
  const ended = readMessages(descriptor, onOutput).finally(() => closeSync(descriptor));
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length; at += LARGEST_INPUT) writeMessage(descriptor, bytes.subarray(at, at + LARGEST_INPUT));
    },
    endInput: () => shutDownSocket(descriptor, "output"),
    ended,
    leave: () => shutDownSocket(descriptor, "input"),
  };
}

function tryConnect(bundle: string): number | undefined {
  const folder = openAt(AT_FDCWD, bundle, O_PATH);
  try {
    return connectPacketSocket(`/proc/self/fd/${folder}/attach`);
  } catch (error) {
    if (error instanceof SystemCallError && hasCode(error, "ENOENT", "ECONNREFUSED", "ENOTSOCK", "EPROTOTYPE")) return undefined;
    throw error;
  } finally {
    closeDescriptor(folder);
  }
}

async function readMessages(
  descriptor: number,
  onOutput: (stream: "stdout" | "stderr", bytes: Uint8Array) => void,
): Promise<void> {
  const buffer = Buffer.alloc(LARGEST_MESSAGE);
  for (;;) {
    const count = await readMessage(descriptor, buffer);
    if (count === 0) return;
    const stream = STREAMS[buffer[0]!];
    if (stream !== undefined) onOutput(stream, buffer.subarray(1, count));
  }
}

/** One message, since the socket keeps their bounds. */
function readMessage(descriptor: number, buffer: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, buffer.length, null, (error, count) => {
      if (error === null) resolve(count);
      else if (hasCode(error, "ECONNRESET")) resolve(0);
      else reject(error);
    });
  });
}

function writeMessage(descriptor: number, bytes: Uint8Array): void {
  try {
    writeSync(descriptor, bytes);
  } catch (error) {
    // The process is gone: its end comes by `ended`.
    if (!hasCode(error, "EPIPE", "ECONNRESET")) throw error;
  }
}

/** Tells a process's terminal its new size. @param control conmon's control file, absolute. Does nothing when conmon is gone. */
export function resizeTerminal(control: string, { rows, columns }: { readonly rows: number; readonly columns: number }): void {
  try {
    const descriptor = openSync(control, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      writeSync(descriptor, `${RESIZE} ${rows} ${columns}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENXIO", "ELOOP", "EAGAIN")) throw error;
  }
}
